"""Printing balances."""


def lines(accounts):
    """One line an account, largest balance first."""
    ordered = sorted(accounts, key=lambda account: account.balance, reverse=True)
    return [f"{account.name:<20} {account.balance / 100:>12.2f}" for account in ordered]
