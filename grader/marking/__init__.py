"""From verdicts to marks: the rubric, exact points, evidence, lateness."""
