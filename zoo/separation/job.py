"""What is wanted of every file of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.audio import AudioFormat
from zoo.separation.naming import SONG_TEMPLATE, STEM_TEMPLATE, file_name
from zoo.separation.separator import Separator

__all__ = ["SeparationJob"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationJob:
    """What is wanted of every file.

    Attributes:
        separator: The network.
        audio_format: Of the stems.
        sources: The sources wanted, None for all.
        two_stems: Instead: this source and everything else.
        name_template: Name of a stem's file, as :func:`~zoo.separation.naming.check_template` has
            it.
        checksums: Whether the record holds the SHA-256 of every stem's file.
        resume: Whether a folder stays as it is where an equal job has completed it. Otherwise its
            stems are replaced, whosever they are.
    """

    separator: Separator
    audio_format: AudioFormat
    sources: Sequence[str] | None = None
    two_stems: str | None = None
    name_template: str = STEM_TEMPLATE
    checksums: bool = False
    resume: bool = True

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The stems that every file gives."""
        return self.separator.select(self.sources, self.two_stems).stems

    def file_names(self, song: str) -> dict[str, str]:
        """Return the name of each stem's file for a song, without extension.

        Where one file holds them all it is named after the song.
        """
        template, model = self.name_template, self.separator.model_name
        if self.audio_format.is_multitrack and "{stem}" in template:
            template = SONG_TEMPLATE
        return {
            stem: file_name(template, song=song, stem=stem, model=model) for stem in self.stem_names
        }

    def describe(self, input_sha256: str) -> dict[str, object]:
        """Return what decides the content of the stems: equal requests give equal stems.

        Args:
            input_sha256: Of the content of the song's file.
        """
        return {
            "input_sha256": input_sha256,
            "model": self.separator.model_name,
            "weights": self.separator.weights,
            "stems": list(self.stem_names),
            "format": self.audio_format.name,
            "name": self.name_template,
            **self.separator.identity.to_dict(),
        }
