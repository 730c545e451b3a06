"""Who keeps rows right while the application writes, declared in the same place as what is right."""

from backfill.definitions.keepers.keeper import BY_TRIGGER, Keeper, Kept, SyncTrigger, keeper_of
from backfill.definitions.keepers.made import Made, kept_by, sync_trigger

__all__ = ["BY_TRIGGER", "Keeper", "Kept", "Made", "SyncTrigger", "keeper_of", "kept_by", "sync_trigger"]
