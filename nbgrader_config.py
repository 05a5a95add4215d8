"""How nbgrader runs this course: which rooms it reads, and how it grades.

nbgrader executes this file when one of its commands starts in this folder.
"""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "everygrad"
# `make exercises` writes the teacher's notebooks there from solutions/<name>/<name>.md.
c.CourseDirectory.source_directory = "_build/source"
c.CourseDirectory.release_directory = "exercises"

# Notebooks that came by mail: ada--perceptron.ipynb, or ada--perceptron.zip with a
# perceptron.ipynb somewhere inside. The rule is matched from the start of the path.
c.FileNameCollectorPlugin.named_regexp = (
    r".*/(?P<student_id>[^/]+)--(?P<file_id>\w+)(/(.*/)?(?P=file_id))?\.ipynb$"
)

# Learners' code runs behind walls, also under `nbgrader autograde` and in Formgrader.
try:
    import fairgrade
except ImportError:
    # Learners can do without it. Nobody can grade without it: this one is missing, too.
    c.Autograde.sanitize_preprocessors = ["fairgrade.preprocessors.RebuildCells"]
else:
    fairgrade.configure(c)
