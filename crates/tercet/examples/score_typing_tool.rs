//! Loads a typing tool (made by Rust or by Python: it is the same file) and scores customers who
//! answered its questions.
//!
//! ```sh
//! cargo run --example score_typing_tool -- tool.json answers.csv
//! ```
//!
//! The answers come as CSV with a header line, a column a question; an empty cell is no answer. The
//! answer goes to standard output as CSV: a probability a segment. Without arguments it makes a tool of
//! its own and scores four customers.

use std::error::Error;
use std::io::Write;

use tercet::data::{Answers, NO_ANSWER, Question, Survey};
use tercet::needs::{FittedTypingTool, LatentClass, TypingTool};
use tercet::{Estimator, Persist};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (tool, table) = match arguments.as_slice() {
        [tool, table] => (
            FittedTypingTool::load(tool)?,
            std::fs::read_to_string(table)?,
        ),
        [] => {
            let tool = own_tool()?;
            let names: Vec<&str> = tool
                .questions()
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            let table = format!("{}\nyes,yes\nyes,no\nno,no\n,no\n", names.join(","));
            (tool, table)
        }
        _ => return Err("usage: score_typing_tool [TOOL.json ANSWERS.csv]".into()),
    };
    let columns = tool
        .questions()
        .iter()
        .map(|question| column(question, &table))
        .collect::<Result<Vec<Column>, _>>()?;
    let answered = tool.questions().iter().zip(&columns);
    let survey = Survey::new(
        answered
            .map(|(question, column)| {
                let answers = match column {
                    Column::Codes(codes) => Answers::Codes(codes),
                    Column::Numbers(numbers) => Answers::Numbers(numbers),
                };
                (question.clone(), answers)
            })
            .collect(),
    )?;
    let probabilities = tool.posterior(&survey, &mut ())?;
    let mut out = std::io::stdout().lock();
    let names: Vec<String> = (1..=tool.n_segments())
        .map(|segment| format!("segment_{segment}"))
        .collect();
    writeln!(out, "{}", names.join(","))?;
    for row in probabilities.chunks_exact(tool.n_segments()) {
        // Floats print with all the digits that tell them from their neighbours.
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

enum Column {
    Codes(Vec<u8>),
    Numbers(Vec<f64>),
}

/// The answers to a question, from the column of its name.
fn column(question: &Question, table: &str) -> Result<Column, Box<dyn Error>> {
    let mut lines = table.lines().map(|line| line.split(','));
    let name = &question.name;
    let place = lines
        .next()
        .and_then(|mut header| header.position(|cell| cell.trim() == name))
        .ok_or_else(|| format!("no column '{name}'"))?;
    let cells = lines.map(|mut line| line.nth(place).unwrap_or_default().trim());
    let Some(levels) = question.levels() else {
        let number = |cell: &str| {
            if cell.is_empty() {
                Ok(f64::NAN)
            } else {
                cell.parse()
            }
        };
        return Ok(Column::Numbers(
            cells.map(number).collect::<Result<_, _>>()?,
        ));
    };
    let code = |cell: &str| match levels.iter().position(|level| level == cell) {
        Some(code) => u8::try_from(code).map_err(|error| error.to_string()),
        None if cell.is_empty() => Ok(NO_ANSWER),
        None => Err(format!("'{cell}' is no answer to '{name}'")),
    };
    Ok(Column::Codes(cells.map(code).collect::<Result<_, _>>()?))
}

/// Two questions of three, of respondents who shop for the price or for the service.
fn own_tool() -> tercet::Result<FittedTypingTool> {
    let code = |yes: bool| u8::from(yes);
    let cheap: Vec<u8> = (0..300).map(|i| code(i % 2 == 0 || i % 9 == 0)).collect();
    let fast: Vec<u8> = (0..300).map(|i| code(i % 2 == 1 || i % 7 == 0)).collect();
    let friendly: Vec<u8> = (0..300).map(|i| code(i % 2 == 1 || i % 4 == 0)).collect();
    let question = |name: &str| Question::nominal(name, ["no", "yes"]);
    let survey = Survey::new(vec![
        (question("cheap"), Answers::Codes(&cheap)),
        (question("fast"), Answers::Codes(&fast)),
        (question("friendly"), Answers::Codes(&friendly)),
    ])?;
    let model = LatentClass::new(2).seed(1).prior(1.0).fit(&survey)?;
    TypingTool::new()
        .n_questions(2)
        .folds(0)
        .fit(&survey, &model, &mut ())
}
