"""nbgrader's gradebook, opened once, with one transaction for each submission."""

from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import BaseCell, Comment, Grade
from nbgrader.api import Gradebook as PlainGradebook
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from fairgrade.errors import Misuse, Refusal


class GradebookError(Refusal):
    """The gradebook is missing, locked, lost, or none."""


class OneTransaction(Session):
    """A session that keeps everything for `finish`: nbgrader commits all the time."""

    def commit(self):
        self.flush()

    def finish(self):
        super().commit()


class Gradebook(PlainGradebook):
    """nbgrader's gradebook for a whole batch.

    Parameters
    ----------
    db_url : str
        As in ``CourseDirectory.db_url``: SQLite, PostgreSQL, …
    course_id : str
    patience : float
        Seconds to wait for another program that writes into a SQLite gradebook.
    """

    def __init__(self, db_url, course_id="default_course", patience=30.0):
        url = make_url(db_url)
        if url.drivername.startswith("sqlite"):
            if url.database and not Path(url.database).exists():
                raise Misuse(
                    f"no gradebook at {url.database}: generate the assignment first"
                )
            url = url.update_query_dict({"timeout": str(patience)})
        self.where = url.render_as_string(hide_password=True)
        with self.explained():
            super().__init__(
                url.render_as_string(hide_password=False), course_id=course_id
            )
            self.db.remove()
        self.db = scoped_session(
            sessionmaker(class_=OneTransaction, bind=self.engine, future=True)
        )

    @contextmanager
    def explained(self):
        """Turn the database's own errors into one plain sentence."""
        try:
            yield
        except (DataError, IntegrityError):
            raise  # what one submission wants to have saved, not the gradebook
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            hint = "another program is writing" if "locked" in said else "is it there?"
            raise GradebookError(
                f"the gradebook {self.where} cannot be used ({hint}): {said}"
            ) from error

    @contextmanager
    def transaction(self):
        """Keep all changes made inside, or, after any error, none of them."""
        with self.explained():
            try:
                yield self
                self.db().finish()
            except BaseException:
                self.db.rollback()
                raise
            finally:
                self.db.remove()

    def rows_of(self, submitted):
        """Return {cell: Grade} and {cell: Comment} of a submitted notebook."""
        grades, comments = (
            dict(
                self.db.query(BaseCell.name, kind)
                .join(BaseCell, BaseCell.id == kind.cell_id)
                .filter(kind.notebook_id == submitted.id)
                .all()
            )
            for kind in (Grade, Comment)
        )
        return grades, comments
