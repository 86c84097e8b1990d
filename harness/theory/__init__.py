"""Theory that forecasts of several claims share: float64 NumPy and SciPy, free of any claim."""
