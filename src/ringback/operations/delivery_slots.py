"""How many deliveries of StatusCallbacks may run at once: in all, in a lane, and of an account."""

import math
from collections import Counter
from collections.abc import Mapping

from ringback.domain.callbacks import DeliveryPartition
from ringback.domain.sids import AccountSid

LANE_DELIVERIES = 8
"""How many deliveries in one lane are under way at once."""
MAX_DELIVERIES = 128
"""How many deliveries are under way at once, of all accounts."""
KEPT_FREE = 3
"""How many places an account leaves free for each that it takes: alone it takes 32 of 128, with another one 25 each,
and the next callback finds room."""


class DeliverySlots:
    """The deliveries that may still start, by lane and by account."""

    def __init__(self, under_way: Mapping[DeliveryPartition, int], slots: int) -> None:
        self._lanes = Counter(under_way)
        self._accounts: Counter[AccountSid] = Counter()
        for lane, deliveries in under_way.items():
            self._accounts[lane.account_sid] += deliveries
        self._free = slots - self._accounts.total()

    @property
    def is_left(self) -> bool:
        return self._free > 0

    def in_lane(self, lane: DeliveryPartition) -> int:
        return LANE_DELIVERIES - self._lanes[lane]

    def of(self, lane: DeliveryPartition) -> int:
        """Return how many may begin in a lane, of which the last one has to leave enough free for others."""
        share = math.ceil((self._free - KEPT_FREE * self._accounts[lane.account_sid]) / (KEPT_FREE + 1))
        return max(0, min(self.in_lane(lane), share))

    def take(self, lane: DeliveryPartition) -> None:
        self._lanes[lane] += 1
        self._accounts[lane.account_sid] += 1
        self._free -= 1
