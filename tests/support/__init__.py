"""What tests of more than one folder use. A folder of tests imports from here, from tests.conftest and from itself."""
