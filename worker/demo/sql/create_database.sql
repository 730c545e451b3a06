-- From the template that nobody has put anything into: what is in the other one is not ours to empty later.
CREATE DATABASE codebegen_demo TEMPLATE template0
