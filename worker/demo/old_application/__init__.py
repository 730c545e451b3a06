"""The application as it is today: it writes all the time and does not know the new columns."""

from worker.demo.old_application.application import OldApplication, Traffic
from worker.demo.old_application.latencies import Failure, PhaseSummary

__all__ = ["Failure", "OldApplication", "PhaseSummary", "Traffic"]
