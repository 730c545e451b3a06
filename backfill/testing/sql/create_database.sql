-- Names are made up here, and quoted. A template that somebody is connected to cannot be copied: nobody is, by then.
CREATE DATABASE "{name}" TEMPLATE "{template}"
