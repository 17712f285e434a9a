"""The product in two minutes: a function measured, judged and mended, on a model that runs here."""
