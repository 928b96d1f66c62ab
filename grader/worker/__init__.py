"""The only code of ours that runs beside a submission's: it loads, answers probes, and knows no expected value."""
