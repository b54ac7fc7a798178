package markdown

import (
	"slices"
	"testing"
)

func TestBlocks(t *testing.T) {
	page := "# A\n```yaml fragment\na: 1\n\nb: 2\n```\ntext\n- item\n  ```shell\n  ls\n    x\n  ```\n```\nplain\n```\n```yaml\nnever closed\n"
	want := []Block{
		{"yaml fragment", "a: 1\n\nb: 2\n", 3},
		{"shell", "ls\n  x\n", 10},
		{"", "plain\n", 14},
	}
	if got := Blocks(page); !slices.Equal(got, want) {
		t.Errorf("Blocks = %+v, want %+v", got, want)
	}
}
