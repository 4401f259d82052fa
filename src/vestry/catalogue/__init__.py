"""What data there is: one picture of the project, the lake and the runs, and what can be asked of it.

Begin at `live.py`: `Live` holds the `Catalogue` (`model.py`) of a project and follows its files and its lake. Nothing
here is a second copy that must be kept in step: what is stored on disk are caches by content or version.
"""
