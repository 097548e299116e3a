//! Markdown, as far as the tests read it: table rows, code, headings.

/// The rows of all tables whose first column is headed `heading`, as cells.
pub(crate) fn rows<'a>(markdown: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let mut rows = Vec::new();
    let mut wanted = None;
    for line in markdown.lines() {
        let Some(line) = line
            .strip_prefix("| ")
            .and_then(|line| line.strip_suffix(" |"))
        else {
            if !line.starts_with("|-") {
                wanted = None;
            }
            continue;
        };
        let cells: Vec<&str> = line.split(" | ").collect();
        match wanted {
            None => wanted = Some(cells[0] == heading),
            Some(true) => rows.push(cells),
            Some(false) => {}
        }
    }
    rows
}

pub(crate) fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

/// What stands between the fences of blocks in `language`.
pub(crate) fn blocks<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = markdown.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The anchor that GitHub gives a heading.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

/// The headings, `#`s included. Lines of code that start with `#` are none.
fn headings(markdown: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    markdown.lines().filter(move |line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    })
}

/// The anchors of a document's headings.
pub(crate) fn anchors(markdown: &str) -> impl Iterator<Item = String> {
    headings(markdown).map(|line| anchor(line.trim_start_matches('#').trim()))
}

/// The section under `heading`, which is given with its `#`s, up to the next of its level or above.
pub(crate) fn section<'a>(markdown: &'a str, heading: &str) -> &'a str {
    let level = |heading: &str| heading.find(' ').unwrap_or_default();
    let mut after = headings(markdown).skip_while(|line| *line != heading);
    assert!(after.next().is_some(), "no section {heading:?}");
    let (_, rest) = markdown.split_once(&format!("\n{heading}\n")).unwrap();
    let next = after.find(|line| level(line) <= level(heading));
    let end = next.and_then(|next| rest.find(&format!("\n{next}\n")));
    rest.get(..end.unwrap_or(rest.len())).unwrap()
}
