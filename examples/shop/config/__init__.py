"""The shop's own configuration: the library has nothing of that name."""

NAME_OF_SHOP = "Corner shop"
