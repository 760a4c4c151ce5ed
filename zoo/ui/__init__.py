"""The Gradio app's parts: the stem mixer, pictures, handlers and tabs. Needs the ``app`` extra."""

from zoo.no_telemetry import switch_off_telemetry

switch_off_telemetry()  # before the import of gradio, which every module here may do
