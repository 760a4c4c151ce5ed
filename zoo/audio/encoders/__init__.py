"""What turns samples into files: by libsndfile, by FFmpeg's libraries, and WAV by itself."""
