"""What the operator sets; see `fields` for where it is read from."""

from backfill.settings.describing import SettingDescription, describe_settings
from backfill.settings.fields import Settings
from backfill.settings.loading import load_settings, where_set

__all__ = ["SettingDescription", "Settings", "describe_settings", "load_settings", "where_set"]
