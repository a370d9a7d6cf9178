//! How far predicted probabilities are from what happened, where some are censored.

use super::concordance::Censoring;
use super::data::check_times;
use crate::data::check_weights;
use crate::error::{Error, Result};

/// The Brier score at each of `times`: the mean squared distance of `probabilities` (rows by times, row
/// by row) that the event `of` has happened by the time, from whether it has.
///
/// Rows that are censored before a time do not count at it; the others count for them, by the inverse of
/// the probability of not being censored before it (of Kaplan-Meier, taken to be independent of the
/// features). An event at a time has happened by it, and who is last seen at a time has survived it.
/// `events` has 0 for none; events other than `of` end a row, too.
///
/// # Errors
/// [`Error::InvalidData`] for times and probabilities that cannot be; [`Error::ShapeMismatch`];
/// [`Error::InvalidParameter`] for a time that no row reaches.
///
/// # Source
/// Graf, Schmoor, Sauerbrei & Schumacher (1999), Statistics in Medicine 18, 2529-2545; Gerds & Schumacher
/// (2006), Biometrical Journal 48, 1029-1040.
///
/// ```
/// use tercet::value::hazard::brier_scores;
///
/// let scores = brier_scores(&[1.0, 3.0], &[1, 0], 1, &[2.0], &[0.5, 0.5], None)?;
/// assert_eq!(scores, [0.25]);
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn brier_scores(
    durations: &[f64],
    events: &[u16],
    of: u16,
    times: &[f64],
    probabilities: &[f64],
    weights: Option<&[f64]>,
) -> Result<Vec<f64>> {
    let n = durations.len();
    check_times("duration", n, durations)?;
    check_times("times", times.len(), times)?;
    for (name, found, expected) in [
        ("event", events.len(), n),
        ("probability", probabilities.len(), n * times.len()),
    ] {
        if found != expected {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected,
                found,
            });
        }
    }
    if let Some(place) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let reason = format!("is {}; a probability is from 0 to 1", probabilities[place]);
        return Err(Error::data("probability", place / times.len(), reason));
    }
    if let Some(weights) = weights {
        check_weights("weights", n, weights)?;
    }
    let ended: Vec<bool> = events.iter().map(|event| *event > 0).collect();
    let stays = Censoring::new(durations, &ended, weights)?;
    let mut scores = Vec::with_capacity(times.len());
    for (place, &time) in times.iter().enumerate() {
        let (mut sum, mut total) = (0.0, 0.0);
        for row in 0..n {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            total += weight;
            let happened = f64::from(u8::from(durations[row] <= time && events[row] == of));
            let known = if durations[row] <= time && ended[row] {
                stays.before(durations[row])
            } else if durations[row] >= time {
                stays.before(time)
            } else {
                continue;
            };
            if weight > 0.0 && known <= 0.0 {
                let expected =
                    format!("times by which somebody is still seen; nobody is at {time}");
                return Err(Error::parameter("times", time, expected));
            }
            if weight > 0.0 {
                let away = probabilities[row * times.len() + place] - happened;
                sum += weight * away * away / known;
            }
        }
        scores.push(sum / total);
    }
    Ok(scores)
}
