"""The application with its files: it reads both layouts, writes both, and knows what every file has to hold."""

from worker.demo.file_application.account import Account
from worker.demo.file_application.application import FileApplication, FileTraffic
from worker.demo.file_application.layouts import FileTree

__all__ = ["Account", "FileApplication", "FileTraffic", "FileTree"]
