"""Settings of every test process."""

import os

from hypothesis import HealthCheck, settings

# Test processes run side by side, one a core; torch would take every core in each of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
