"""An account's policy, which takes precedence over the settings."""

from dataclasses import replace

from ringback.domain.policies import NO_OVERRIDES, AccountPolicy, AccountType
from support.domain_values import POLICY


def test_account_without_a_policy_follows_the_settings() -> None:
    assert NO_OVERRIDES.merged_with(POLICY) is POLICY
    assert AccountPolicy().merged_with(POLICY) == POLICY
    assert AccountPolicy().overrides == {}


def test_values_in_a_policy_take_precedence_over_the_settings() -> None:
    settings = replace(POLICY, account_type=AccountType.TRIAL, calls_per_number_and_week=3)

    policy = AccountPolicy(account_type=AccountType.FULL, code_attempts=1).merged_with(settings)

    assert policy == replace(settings, account_type=AccountType.FULL, code_attempts=1)
