"""Moving money between two accounts."""

import threading

LOCK = threading.Lock()

def transfer(source, target, cents):
    if source.balance < cents:
        raise ValueError("not enough money")
    with LOCK:
        source.balance -= cents
        target.balance += cents
