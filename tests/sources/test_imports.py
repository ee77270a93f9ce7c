"""What a revision imports of the application's own code, and which of it are models."""

import pytest

from gatekeeper.sources.alembic.imports import own_imports

REVISION = "backend/migrations/versions/0001.py"
FILES = {
    "backend/app/__init__.py": "",
    "backend/app/db.py": "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n",
    "backend/app/settings.py": "BATCH = 10\n",
    "backend/app/types.py": "class GUID(TypeDecorator): impl = CHAR\n",
    "backend/app/models/__init__.py": "from .orders import *\nfrom app.models.users import User as Person\n",
    "backend/app/models/orders.py": (
        "import enum\nfrom ..db import Base\n"
        "class State(enum.Enum): NEW = 'new'\n"
        "class Order(Base): pass\n"
        "try:\n    class Line(Order): pass\nexcept ImportError: pass\n"
    ),
    "backend/app/models/users.py": "class User:\n    __tablename__ = 'users'\n",
    "backend/app/models/tables.py": "metadata = sa.MetaData()\nbills: Table = sa.Table('bills', metadata)\n",
    "backend/app/models/sqlmodel.py": "class Hero(SQLModel, table=True): pass\nclass Draft(SQLModel): pass\n",
    "backend/app/models/mapped.py": "@registry.mapped_as_dataclass\nclass Shop: pass\n",
    "backend/app/flask.py": "db = SQLAlchemy()\nclass Page(db.Model): pass\n",
    "backend/src/other/models.py": "Base = declarative_base()\nclass Thing(Base): pass\n",
    "backend/migrations/helpers.py": "def fill(): pass\n",
    "backend/alembic/__init__.py": "",
    "backend/alembic/op.py": "",
    "backend/json.py": "",
    "backend/broken/models.py": "class (:\n",
}


def imports(text, files=None):
    found = own_imports(REVISION, (FILES | (files or {}) | {REVISION: text}).get)
    return {i.name: i.is_model for i in found}


CASES = [
    ("from app.models import Order", {"app.models.Order": True}),
    ("from app.models import Line as L\nL.query", {"app.models.Line": True}),
    ("from app.models import Person", {"app.models.Person": True}),
    ("from app.models.orders import State", {"app.models.orders.State": False}),
    ("import app.models.orders\napp.models.orders.Order.id", {"app.models.orders.Order": True}),
    (
        "import app.models.orders as m\nm.Order\nm.State.NEW",
        {"app.models.orders.Order": True, "app.models.orders.State": False},
    ),
    ("from app import models\nmodels.Order.__table__", {"app.models.Order": True}),
    ("from app import models", {"app.models": False}),
    ("from app.models.users import *", {"app.models.users.*": True}),
    ("from app.settings import *", {"app.settings.*": False}),
    ("from app.models.tables import bills", {"app.models.tables.bills": True}),
    ("from app.models.tables import metadata", {"app.models.tables.metadata": True}),
    ("from app.db import Base\nBase.metadata.create_all(x)", {"app.db.Base": True}),
    (
        "from app.models.sqlmodel import Hero, Draft",
        {"app.models.sqlmodel.Hero": True, "app.models.sqlmodel.Draft": False},
    ),
    ("from app.models.mapped import Shop", {"app.models.mapped.Shop": True}),
    ("from app.flask import Page", {"app.flask.Page": True}),
    ("from app.flask import db\ndb.Integer()", {"app.flask.db": False}),
    ("from app.flask import db\ndb.create_all()", {"app.flask.db": True}),
    ("from other.models import Thing", {"other.models.Thing": True}),
    ("import app.types\nc = app.types.GUID()", {"app.types.GUID": False}),
    ("def upgrade():\n    from app.models import Order", {"app.models.Order": True}),
    ("from migrations.helpers import fill", {"migrations.helpers.fill": False}),
    ("from broken.models import Thing", {"broken.models.Thing": False}),
    ("from app.models import Gone", {"app.models.Gone": False}),
    ("import json\nfrom alembic import op\nimport sqlalchemy as sa\nop.x\njson.y", {}),
    ("import flask\nfrom fastapi_users_db_sqlalchemy import generics", {}),
    ("from . import helpers\nfrom ..helpers import fill", {}),
    ("'from app.models import Order'", {}),
    ("from app.models import (", {}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=lambda v: str(v)[:60])
def test_own_imports(text, expected):
    assert imports(text) == expected


def test_the_line_is_that_of_the_import():
    (found,) = own_imports(REVISION, (FILES | {REVISION: "\n\nfrom app.db import Base"}).get)
    assert found.line == 3


def test_modules_that_import_each_other_end():
    files = {
        "backend/a.py": "from b import Thing",
        "backend/b.py": "from a import Thing",
    }
    assert imports("from a import Thing", files) == {"a.Thing": False}


def test_a_folder_inside_of_a_package_is_no_place_to_import_from():
    """The revisions of a project lie in app/alembic/versions; that app has a module redis.py."""
    read = {
        "app/__init__.py": "", "app/redis.py": "class Redis(Base): pass", "app/models.py": "",
        "app/alembic/versions/1.py": "import redis\nfrom app.models import x\nredis.Redis()",
    }.get  # fmt: skip
    assert [i.name for i in own_imports("app/alembic/versions/1.py", read)] == ["app.models.x"]


def test_a_real_project(project, gatekeeper):
    env = (project.root / "migrations/env.py").read_text("utf-8")
    project.write("migrations/env.py", f"import sys; sys.path.insert(0, '.')\n{env}")
    project.write("app/models.py", "class Order:\n    __tablename__ = 'orders'\n")
    project.revision("0001", "from app.models import Order", "assert Order")
    project.commit()
    project.branch()
    project.revision("0002", "from app.models import Order", "assert Order")
    project.commit()
    asked = "select subject, name, is_model, line, file from imports"
    done = gatekeeper("query", asked, cwd=project.root)
    assert done.stdout.split()[5:] == [
        "0002", "app.models.Order", "1", "11", "migrations/versions/0002.py",
    ]  # fmt: skip
    done = gatekeeper("check", cwd=project.root)
    assert "warning application-import-in-migration  0002" in done.stdout
    assert "migrations/versions/0002.py:11" in done.stdout
