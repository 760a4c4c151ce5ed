"""Colours and type of the page; system fonts only, so that nothing is fetched from other sites."""

from pathlib import Path

from gradio import themes

__all__ = ["PAGE_CSS", "page_theme"]

PAGE_CSS = Path(__file__).with_name("page.css")
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace")


def page_theme() -> themes.Base:
    """Return the theme."""
    return themes.Base(
        primary_hue=themes.colors.indigo,
        secondary_hue=themes.colors.purple,
        neutral_hue=themes.colors.slate,
        radius_size=themes.sizes.radius_lg,
        font=list(SANS),
        font_mono=list(MONO),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        button_primary_background_fill="linear-gradient(135deg, *primary_600, *secondary_600)",
        button_primary_background_fill_hover=(
            "linear-gradient(135deg, *primary_700, *secondary_700)"
        ),
        button_primary_background_fill_dark="linear-gradient(135deg, *primary_600, *secondary_600)",
        button_primary_background_fill_hover_dark=(
            "linear-gradient(135deg, *primary_700, *secondary_700)"
        ),
        button_primary_text_color="white",
    )
