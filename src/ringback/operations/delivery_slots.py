"""Limits on concurrent deliveries of StatusCallbacks: in total, per partition, and per account."""

import math
from collections import Counter
from collections.abc import Mapping

from ringback.domain.callbacks import DeliveryPartition
from ringback.domain.sids import AccountSid

MAX_DELIVERIES = 128
"""Maximum number of concurrent deliveries of all accounts."""
MAX_PARTITION_DELIVERIES = 8
"""Maximum number of concurrent deliveries in one partition."""
FREE_SLOTS_PER_DELIVERY = 3
"""Number of slots that an account must leave free for each of its deliveries. A single account can take 32 of 128
slots, and two accounts 25 each; the next account still finds a free slot."""


class DeliverySlots:
    """The slots that the deliveries in progress leave free."""

    def __init__(self, in_progress: Mapping[DeliveryPartition, int], slots: int) -> None:
        self._partitions = Counter(in_progress)
        self._accounts: Counter[AccountSid] = Counter()
        for partition, deliveries in in_progress.items():
            self._accounts[partition.account_sid] += deliveries
        self._free = slots - self._accounts.total()

    @property
    def has_free(self) -> bool:
        return self._free > 0

    def is_below_partition_limit(self, partition: DeliveryPartition) -> bool:
        """Return whether a partition has fewer than MAX_PARTITION_DELIVERIES deliveries."""
        return self._partitions[partition] < MAX_PARTITION_DELIVERIES

    def free_in(self, partition: DeliveryPartition) -> int:
        """Return the number of deliveries that may start in a partition within all three limits."""
        account_deliveries = self._accounts[partition.account_sid]
        account_share = math.ceil(
            (self._free - FREE_SLOTS_PER_DELIVERY * account_deliveries) / (FREE_SLOTS_PER_DELIVERY + 1)
        )
        return max(0, min(MAX_PARTITION_DELIVERIES - self._partitions[partition], account_share))

    def take(self, partition: DeliveryPartition) -> None:
        self._partitions[partition] += 1
        self._accounts[partition.account_sid] += 1
        self._free -= 1
