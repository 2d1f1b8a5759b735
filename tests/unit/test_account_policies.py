"""What an account has of its own goes before the settings, and only that."""

from dataclasses import replace

from ringback.domain.policies import NO_OVERRIDES, AccountPolicy, AccountType
from support.domain_values import POLICY


def test_an_account_without_a_policy_is_as_the_settings_have_it() -> None:
    assert NO_OVERRIDES.merged_with(POLICY) is POLICY
    assert AccountPolicy().merged_with(POLICY) == POLICY
    assert AccountPolicy().overrides == {}


def test_what_is_given_goes_before_the_settings_and_the_rest_is_theirs() -> None:
    settings = replace(POLICY, account_type=AccountType.TRIAL, calls_per_number_and_week=3)

    policy = AccountPolicy(account_type=AccountType.FULL, code_attempts=1).merged_with(settings)

    assert policy == replace(settings, account_type=AccountType.FULL, code_attempts=1)
