"""Networks: a spec as a torch module, and what it costs."""
