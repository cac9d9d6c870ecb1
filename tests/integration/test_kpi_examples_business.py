# SPDX-License-Identifier: MIT
"""Money of a tiny data set, with the answers worked out by hand; the same as
docs/kpi-examples/business.md."""
import datetime
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import harness  # noqa: E402

# Thirty days, numbered from 0, that have passed.
START = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=60)).replace(
    hour=0, minute=0, second=0, microsecond=0)


def day(number):
    return START + datetime.timedelta(days=number)


RANGE = f"from={day(0).date()}&to={day(29).date()}"
SUBSCRIPTIONS = [
    (-20, "ann", "started", 50, "USD", "pro"), (-19, "bob", "started", 100, "EUR", "team"),
    (-18, "cat", "started", 40, "USD", "pro"), (-17, "dan", "started", 30, "USD", "pro"),
    (-10, "dan", "cancelled", None, None, None), (3, "ann", "changed", 80, "USD", "team"),
    (5, "bob", "cancelled", None, None, None), (8, "cat", "changed", 25, "USD", "pro"),
    (10, "dan", "started", 30, "USD", "pro"), (12, "eve", "started", 20, "USD", "pro"),
    (22, "gil", "started", 60, "GBP", None),
]


def event(number, name, user=None, value=None, unit=None, **more):
    properties = {key: more.pop(key) for key in ("plan", "channel") if more.get(key)}
    made = {"name": name, "timestamp": (day(number) + datetime.timedelta(hours=12)).isoformat(),
            "properties": properties, **more}
    made.pop("plan", None)
    return {**made, **{k: v for k, v in (("user", user), ("value", value), ("unit", unit))
                       if v is not None}}


EVENTS = [event(n, f"subscription_{what}", user, value, unit, plan=plan)
          for n, user, what, value, unit, plan in SUBSCRIPTIONS] + [
    event(1, "acquisition_cost", None, 100, "USD", channel="ads"),
    event(2, "acquisition_cost", None, 50, "EUR", channel="fair"),
    event(11, "sign_up", "eve", channel="ads"), event(12, "conversion", "eve"),
    event(13, "sign_up", "fay", channel="fair"), event(14, "purchase", "fay", 12.5, "USD"),
    event(20, "purchase", "fay", 10, "EUR"), event(21, "purchase", "fay", -2.5, "USD"),
    event(22, "sign_up", "gil", channel="ads"), event(4, "page_view", "ann"),
    event(15, "page_view", "hal", url="https://shop.example/?utm_medium=social"),
]


@pytest.fixture(scope="module")
def up():
    with harness.Up() as program:
        subprocess.run([harness.BINARY, "project", "set", "default", "--rate", "EUR=1.10",
                        "--gross-margin", "0.8", "--database", program.database_url], check=True)
        # As if they came late, the newest first.
        status, _, body = program.post(EVENTS[::-1], "?ack=commit")
        assert status == 202, body
        yield program


def ask(up, kpi, query="&interval=none"):
    """Both ways; they are equal."""
    answers = []
    for source in ("rollup", "events"):
        status, answer = up.get(f"/v1/kpi/{kpi}?{RANGE}{query}&source={source}")
        assert status == 200, answer
        answers.append({k: v for k, v in answer.items() if k not in ("as_of", "source")})
    assert answers[0] == answers[1]
    return answers[0]


def has(answer, **want):
    for name, value in want.items():
        got = answer[name]
        assert got == (pytest.approx(value) if isinstance(value, float) else value), (name, answer)


def groups(answer):
    return {group["by"]: group for group in answer["groups"]}


def test_mrr(up):
    answer = ask(up, "mrr")
    has(answer, value=155, n=5, customers=5, new=20, expansion=30, reactivation=30, contraction=15,
        churned=110, arpa=155 / 4, currencies={"GBP": 60, "USD": 155})
    assert answer["notes"] == ["amounts in GBP are left out of the value: the project has no rate"
                               " for them; amounts in EUR are converted at the rates that the"
                               " project has now"]
    points = ask(up, "mrr", "&interval=day")["series"]
    assert [point["value"] for point in points[2:11]] == [200, 230, 230, 120, 120, 120, 105, 105,
                                                          135]


def test_mrr_by_plan(up):
    by = groups(ask(up, "mrr", "&interval=none&by=plan"))
    has(by["team"], value=80, customers=1, expansion=80, churned=110, contraction=0)
    has(by["pro"], value=75, customers=3, contraction=65, reactivation=30, new=20, expansion=0)
    has(by[None], value=0, customers=1, arpa=None, currencies={"GBP": 60})


def test_customers_who_stay(up):
    has(ask(up, "quick_ratio"), value=80 / 125)
    has(ask(up, "churn_rate"), value=1 / 3, n=3, ended=1)
    has(ask(up, "revenue_churn"), value=110 / 200, mrr_start=200, mrr_ended=110)
    has(ask(up, "nrr"), value=105 / 200, mrr_end=105)
    has(ask(up, "grr"), value=75 / 200, mrr_kept=75)
    points = ask(up, "churn_rate", "&interval=day")["series"]
    assert [point["value"] for point in points[4:7]] == [0, pytest.approx(1 / 3), 0]
    has(groups(ask(up, "nrr", "&interval=none&by=plan"))["pro"], value=105 / 90, n=2)


def test_revenue_per_user(up):
    has(ask(up, "revenue"), value=21, n=3, currencies={"EUR": 10, "USD": 10},
        exact={"EUR": "10", "USD": "10"})
    has(ask(up, "arpu"), value=21 / 5, n=5, revenue=21)


def test_what_customers_cost_and_bring(up):
    has(ask(up, "acquisition_cost"), value=155 / 3, n=3, cost=155)
    by = groups(ask(up, "acquisition_cost", "&interval=none&by=channel"))
    has(by["ads"], value=50, n=2, cost=100)
    has(by["fair"], value=55, n=1, cost=55, currencies={"EUR": 50})
    has(ask(up, "ltv"), value=93, arpa=38.75, monthly_churn=1 / 3, gross_margin=0.8)
    has(ask(up, "payback"), value=5 / 3, cac=155 / 3, arpa=38.75)


def test_acquisition(up):
    answer = ask(up, "acquisition")
    has(answer, value=4, sign_ups=3, converted=1, customers=3, cost=155, cac=155 / 3)
    by = groups(answer)
    has(by["ads"], value=2, share=0.5, sign_ups=2, converted=1, conversion_rate=0.5, cost=100,
        customers=2, cac=50)
    has(by["fair"], value=1, sign_ups=1, converted=0, conversion_rate=0, cost=55, customers=1)
    has(by["social"], value=1, sign_ups=0, cost=0, customers=0, cac=None)


def test_nothing_yet(up):
    query = f"from={day(-40).date()}&to={day(-31).date()}"
    for kpi, value in (("mrr", 0), ("quick_ratio", None), ("churn_rate", None), ("nrr", None),
                       ("revenue", 0), ("arpu", None), ("acquisition_cost", None), ("ltv", None),
                       ("payback", None), ("acquisition", 0)):
        status, answer = up.get(f"/v1/kpi/{kpi}?{query}")
        assert status == 200 and answer["value"] == value and len(answer["series"]) == 10, answer
        assert {point["value"] for point in answer["series"]} == {value}


def test_refused(up):
    for kpi, by in (("acquisition_cost", "plan"), ("payback", "channel"), ("acquisition", "plan")):
        status, answer = up.get(f"/v1/kpi/{kpi}?by={by}")
        assert status == 400 and answer["error"]["parameter"] == "by"


def test_rates_are_checked(up):
    def refused(*options):
        done = subprocess.run([harness.BINARY, "project", "set", "default", *options, "--database",
                               up.database_url], capture_output=True, text=True)
        assert done.returncode == 1
        return done.stderr
    for margin in ("0", "1.01", "-1", "x", "1e-1"):
        assert "--gross-margin" in refused("--gross-margin", margin)
    for rate in ("EUR", "eur=1", "EURO=1", "EUR=0", "EUR=-1", "EUR=1,1", "=1", "USD=1"):
        assert "--rate" in refused("--rate", rate)
    assert "rates to the one it had" in refused("--currency", "CHF")
    has(ask(up, "revenue"), value=21)


def test_customers_are_remembered_longer_than_events(up):
    """As when retention deletes events: of those that are gone nobody knows the dimensions."""
    before = {kpi: ask(up, kpi) for kpi in ("mrr", "churn_rate", "nrr", "ltv")}
    harness.query(up.database_url, "delete from traction.event where ts < %s", day(0))
    for kpi, answer in before.items():
        assert ask(up, kpi) == answer
    status, answer = up.get(f"/v1/kpi/mrr?{RANGE}&interval=none&by=properties.plan")
    assert status == 200 and groups(answer)["pro"]["value"] == 75
    status, answer = up.get(f"/v1/kpi/nrr?{RANGE}&interval=none&by=properties.plan")
    assert status == 200 and groups(answer)[None]["n"] == 3
