"""Settings of every test process."""

import os

# Test processes run side by side, one a core; torch would take every core in each of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
