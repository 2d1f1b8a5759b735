"""The function that finds a code block of README by its name."""

import pytest

from support.code_blocks import ReadmeError, readme_block

PAGE = """# A page

<!-- run: first -->
```python
print("http://127.0.0.1:8010/")
```

Some words.

<!-- run: second -->
````sh
```
inner
```
````

<!-- run: doubled -->
```sh
one
```
<!-- run: doubled -->
```sh
two
```
"""


def test_code_block_follows_the_line_with_its_name() -> None:
    code = readme_block("second", text=PAGE)

    assert code == "```\ninner\n```\n"


def test_code_block_has_the_address_of_the_server_under_test() -> None:
    code = readme_block("first", base_url="http://127.0.0.1:9/", text=PAGE)

    assert code == 'print("http://127.0.0.1:9/")\n'


def test_missing_code_block_is_reported_with_the_existing_names() -> None:
    with pytest.raises(ReadmeError, match=r"has 0 fenced blocks .*run: third.* first, second, doubled, doubled"):
        readme_block("third", text=PAGE)


def test_duplicate_code_block_is_rejected() -> None:
    with pytest.raises(ReadmeError, match=r"has 2 fenced blocks .*run: doubled"):
        readme_block("doubled", text=PAGE)
