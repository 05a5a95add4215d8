"""What nbgrader has to know in the teacher's server: where the course folder is.

The folder's own nbgrader_config.py says how the course is graded.
"""

from pathlib import Path

c = get_config()  # noqa: F821

course = Path.home() / "course"
c.CourseDirectory.root = str(course)
if (course / "nbgrader_config.py").exists():
    load_subconfig("nbgrader_config.py", path=str(course))  # noqa: F821
