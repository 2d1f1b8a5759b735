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


def test_a_block_is_the_code_behind_the_line_that_names_it() -> None:
    code = readme_block("second", text=PAGE)

    assert code == "```\ninner\n```\n"


def test_a_block_is_aimed_at_the_server_under_test() -> None:
    code = readme_block("first", base_url="http://127.0.0.1:9/", text=PAGE)

    assert code == 'print("http://127.0.0.1:9/")\n'


def test_a_missing_block_is_named_beside_those_that_are_there() -> None:
    with pytest.raises(ReadmeError, match=r"has 0 fenced blocks .*run: third.* first, second, doubled, doubled"):
        readme_block("third", text=PAGE)


def test_a_doubled_block_is_refused() -> None:
    with pytest.raises(ReadmeError, match=r"has 2 fenced blocks .*run: doubled"):
        readme_block("doubled", text=PAGE)
