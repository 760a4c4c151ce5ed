"""The Gradio app's parts: the stem mixer, pictures, handlers and tabs. Needs the ``app`` extra."""
