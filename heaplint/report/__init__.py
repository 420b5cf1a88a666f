"""How the findings of a run are shown: one module per format."""
