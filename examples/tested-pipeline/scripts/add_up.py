"""Drop orders without a positive amount, and add up the others by country."""

import argparse
import sys
from pathlib import Path

import pandas as pd

BASE = Path("/opt/ml/processing")


def split(orders, minimum):
    """Return the valid orders, and the others."""
    valid = orders["amount"].ge(minimum) & orders["country"].notna()
    return orders[valid], orders[~valid]


def totals_of(orders):
    """Return the total of each country."""
    return orders.groupby("country", as_index=False)["amount"].sum()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minimum-amount", type=float, required=True)
    minimum = parser.parse_args().minimum_amount
    files = sorted((BASE / "input" / "data").rglob("*.csv"))
    orders = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
    if missing := {"country", "amount"} - set(orders.columns):
        message = f"orders must have the columns country and amount, missing: {', '.join(sorted(missing))}"
        Path("/opt/ml/output/message").write_text(message)  # DescribeProcessingJob shows it as ExitMessage
        sys.exit(message)
    valid, rejected = split(orders, minimum)
    totals_of(valid).to_csv(BASE / "totals" / "totals.csv", index=False)
    rejected.to_csv(BASE / "rejected" / "rejected.csv", index=False)
    print(f"{len(valid)} orders, {len(rejected)} rejected")


if __name__ == "__main__":
    main()
