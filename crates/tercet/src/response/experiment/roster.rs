//! Which arm and which segments each row belongs to, laid out for passes over the rows.

use super::data::{Arms, ExperimentData, Membership, NO_SEGMENT};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::map_rows;

/// Segments in one word of a row's flags.
const WORD: usize = 64;

/// Everyone, the first of all segments.
pub(super) const EVERYONE: usize = 0;

/// Arms and segments of the rows. Segment 0 is everyone; the others follow in the order of the
/// memberships.
#[derive(Debug)]
pub(super) struct Roster<'a> {
    pub(super) arms: &'a Arms<'a>,
    /// The segments' names, but for everyone.
    pub(super) names: Vec<String>,
    /// Which segments are drawn towards each other: those of one column, and all that were given by
    /// flags. A place for each name.
    pub(super) families: Vec<usize>,
    /// The families' names.
    pub(super) family_names: Vec<String>,
    /// Columns of labels, each with the number of its first segment.
    labels: Vec<(&'a [u32], usize)>,
    /// Flags, 64 segments a word, each with the number of its first segment.
    flags: Vec<(Vec<u64>, usize)>,
    /// Rows in the order of their clusters.
    pub(super) clusters: Option<Clusters>,
}

/// Rows by cluster.
#[derive(Debug)]
pub(super) struct Clusters {
    /// Rows, cluster by cluster.
    pub(super) rows: Vec<u32>,
    /// Where each cluster begins in `rows`, and at last where the last one ends.
    pub(super) starts: Vec<u32>,
}

impl Clusters {
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The rows of a cluster.
    pub(super) fn rows_of(&self, cluster: usize) -> &[u32] {
        &self.rows[self.starts[cluster] as usize..self.starts[cluster + 1] as usize]
    }
}

impl<'a> Roster<'a> {
    /// Lays out arms, segments and clusters.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a cluster in two arms, naming the row.
    pub(super) fn new(data: &'a ExperimentData<'a>, observer: &mut dyn Observer) -> Result<Self> {
        let mut roster = Self {
            arms: &data.arms,
            names: Vec::new(),
            families: Vec::new(),
            family_names: Vec::new(),
            labels: Vec::new(),
            flags: Vec::new(),
            clusters: None,
        };
        let mut family = 0;
        for membership in &data.memberships {
            if let Membership::Labels {
                column,
                names,
                codes,
            } = membership
            {
                roster.family_names.push(column.clone());
                roster.labels.push((codes, 1 + roster.names.len()));
                roster.names.extend(names.iter().cloned());
                roster.families.resize(roster.names.len(), family);
                family += 1;
            }
        }
        let flags: Vec<(&String, &[bool])> = data
            .memberships
            .iter()
            .filter_map(|one| match one {
                Membership::Flags { name, flags } => Some((name, *flags)),
                Membership::Labels { .. } => None,
            })
            .collect();
        if !flags.is_empty() {
            roster.family_names.push("memberships".to_owned());
        }
        let mut phase = Phase::new(observer, "reading segments");
        for word in flags.chunks(WORD) {
            let bits = map_rows(data.len(), &mut phase, |row| {
                let set =
                    |(place, one): (usize, &(&String, &[bool]))| u64::from(one.1[row]) << place;
                word.iter().enumerate().map(set).sum::<u64>()
            })?;
            roster.flags.push((bits, 1 + roster.names.len()));
            roster
                .names
                .extend(word.iter().map(|(name, _)| (*name).clone()));
            roster.families.resize(roster.names.len(), family);
        }
        if let Some((column, ids)) = &data.customers {
            let codes = ids.codes(column, &mut phase)?;
            check_one_row_each(column, &codes.code_of_row, &codes.first_row, &data.arms)?;
        }
        if let Some((column, ids)) = &data.clusters {
            let codes = ids.codes(column, &mut phase)?;
            roster.clusters = Some(by_cluster(
                column,
                &codes.code_of_row,
                &codes.first_row,
                &data.arms,
            )?);
        }
        Ok(roster)
    }

    /// Number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.arms.codes.len()
    }

    /// Segments, everyone being one of them.
    pub(super) fn n_segments(&self) -> usize {
        self.names.len() + 1
    }

    pub(super) fn n_arms(&self) -> usize {
        self.arms.names.len()
    }

    /// A row's arm.
    pub(super) fn arm(&self, row: usize) -> usize {
        usize::from(self.arms.codes[row])
    }

    /// Calls `see` with every segment of a row, everyone first.
    pub(super) fn segments_of(&self, row: usize, mut see: impl FnMut(usize)) {
        see(EVERYONE);
        for (codes, first) in &self.labels {
            if codes[row] != NO_SEGMENT {
                see(first + codes[row] as usize);
            }
        }
        for (words, first) in &self.flags {
            let mut left = words[row];
            while left != 0 {
                see(first + left.trailing_zeros() as usize);
                // Clears the lowest bit.
                left &= left - 1;
            }
        }
    }
}

/// Sorts rows by cluster (a counting sort: rows of a cluster stay in order), and checks that each cluster
/// is in one arm.
fn by_cluster(column: &str, codes: &[u32], first_row: &[u32], arms: &Arms<'_>) -> Result<Clusters> {
    let mut starts = vec![0_u32; first_row.len() + 1];
    for (row, code) in codes.iter().enumerate() {
        let first = first_row[*code as usize] as usize;
        if arms.codes[row] != arms.codes[first] {
            let name = |row: usize| &arms.names[usize::from(arms.codes[row])];
            let reason = format!(
                "is in the arm '{}', and its first row {first} is in '{}'; who was treated in two ways tells of neither: correct '{}', or drop all rows of such a customer",
                name(row),
                name(first),
                arms.column,
            );
            return Err(Error::data(column, row, reason));
        }
        starts[*code as usize + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0_u32; codes.len()];
    for (row, code) in (0_u32..).zip(codes) {
        let place = &mut next[*code as usize];
        rows[*place as usize] = row;
        *place += 1;
    }
    Ok(Clusters { rows, starts })
}

/// Refuses a customer in two arms, or with two rows.
fn check_one_row_each(
    column: &str,
    codes: &[u32],
    first_row: &[u32],
    arms: &Arms<'_>,
) -> Result<()> {
    by_cluster(column, codes, first_row, arms)?;
    let again =
        |(row, code): (usize, &u32)| (first_row[*code as usize] as usize != row).then_some(row);
    match codes.iter().enumerate().find_map(again) {
        None => Ok(()),
        Some(row) => {
            let first = first_row[codes[row] as usize];
            let reason = format!(
                "is the customer of row {first}, too; keep one row of each, or pass the column as clusters, which allows for rows that hang together"
            );
            Err(Error::data(column, row, reason))
        }
    }
}

/// Customers (clusters where there are any, else rows) by segment and arm, whatever is known of their
/// outcomes: `counts[segment * arms + arm]`.
pub(super) fn head_count(roster: &Roster<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
    let mut phase = Phase::new(observer, "counting customers");
    let n_arms = roster.n_arms();
    let mut counts = vec![0; roster.n_segments() * n_arms];
    if let Some(clusters) = &roster.clusters {
        let mut seen = vec![usize::MAX; roster.n_segments()];
        for cluster in 0..clusters.len() {
            for row in clusters.rows_of(cluster) {
                let row = *row as usize;
                let arm = roster.arm(row);
                roster.segments_of(row, |segment| {
                    if seen[segment] != cluster {
                        seen[segment] = cluster;
                        counts[segment * n_arms + arm] += 1;
                    }
                });
            }
            if cluster % crate::parallel::BLOCK == 0 {
                phase.poll()?;
            }
        }
        return Ok(counts);
    }
    let blocks = crate::parallel::map_blocks(roster.n_rows(), &mut phase, |rows| {
        let mut counts = vec![0_u32; roster.n_segments() * n_arms];
        for row in rows {
            let arm = roster.arm(row);
            roster.segments_of(row, |segment| counts[segment * n_arms + arm] += 1);
        }
        counts
    })?;
    for block in blocks {
        for (count, own) in counts.iter_mut().zip(block) {
            *count += own as usize;
        }
    }
    Ok(counts)
}
