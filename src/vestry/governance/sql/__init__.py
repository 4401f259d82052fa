"""Questions in SQL from somebody who is not trusted: what may be asked, and the process that answers.

`statement.py` reads a question and says which tables it is about; `worker.py` is the process in which it is read and
answered, behind walls that hold without that reading; `workers.py` starts and ends such processes; `questions.py` puts
the gate and the audit around them.
"""
