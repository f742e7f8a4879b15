//! Line charts as SVG text. Their colours are the light theme's; the page's style sheet finds them by name and turns them to
//! the dark theme's.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::ops::Range;

pub(super) struct Chart<'a> {
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    pub(super) lines: Vec<Line>,
    pub(super) scale: Scale<'a>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    /// So that one sees what lies under it.
    pub(super) dashed: bool,
}

/// What stands on the x-axis.
pub(super) enum Scale<'a> {
    /// Whole numbers.
    Counts,
    /// These words at 0, 1, 2 and so on.
    Words(&'a [&'a str]),
    /// Probabilities on both axes, with the diagonal on which they agree.
    Probabilities,
}

/// By line, in hexadecimal as plotters writes them (Okabe and Ito's, told apart by the colour-blind).
pub(super) const COLOURS: [(&str, RGBColor); 6] = [
    ("#0072B2", RGBColor(0, 114, 178)),
    ("#D55E00", RGBColor(213, 94, 0)),
    ("#009E73", RGBColor(0, 158, 115)),
    ("#CC79A7", RGBColor(204, 121, 167)),
    ("#E69F00", RGBColor(230, 159, 0)),
    ("#56B4E9", RGBColor(86, 180, 233)),
];
/// Of axes, their labels and the mesh.
pub(super) const AXES: (&str, RGBColor) = ("#777777", RGBColor(119, 119, 119));

const SIZE: (u32, u32) = (460, 300);

impl Chart<'_> {
    /// The SVG element; None if there is no line of two points.
    pub(super) fn svg(&self) -> Result<Option<String>> {
        if self.lines.iter().all(|line| line.points.len() < 2) {
            return Ok(None);
        }
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| anyhow!("the chart of {} cannot be drawn: {error}", self.y))?;
        Ok(Some(svg))
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let (x, y) = self.ranges();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(18)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(x, y)?;
        let words = |at: &f64| match self.scale {
            Scale::Words(words) if at.fract().abs() < 1e-6 => words.get(*at as usize).copied().unwrap_or("").to_owned(),
            Scale::Words(_) => String::new(),
            Scale::Counts => format!("{at:.0}"),
            Scale::Probabilities => format!("{at:.1}"),
        };
        let labels = match self.scale {
            Scale::Words(words) => words.len(),
            Scale::Counts => 8,
            Scale::Probabilities => 6,
        };
        let decimals = if matches!(self.scale, Scale::Probabilities) { 1 } else { 3 };
        let text = |size: u32| ("sans-serif", size).into_font().color(&AXES.1);
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_labels(labels)
            .y_labels(6)
            .x_label_formatter(&words)
            .y_label_formatter(&|y| format!("{y:.decimals$}"))
            .label_style(text(15))
            .axis_desc_style(text(16))
            .axis_style(AXES.1)
            .bold_line_style(AXES.1.mix(0.25))
            .light_line_style(AXES.1.mix(0.0))
            .draw()?;
        if matches!(self.scale, Scale::Probabilities) {
            chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 5, 4, AXES.1.stroke_width(1)))?;
        }
        for (line, (_, colour)) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let points = line.points.iter().copied();
            if line.dashed {
                chart.draw_series(DashedLineSeries::new(points, 6, 6, colour.stroke_width(2)))?;
                continue;
            }
            chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
            // Beyond so many, points would hide the line.
            if line.points.len() <= 20 {
                chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
            }
        }
        area.present()?;
        Ok(())
    }

    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let (left, right) = range(&mut points().map(|point| point.0));
        let (low, high) = range(&mut points().map(|point| point.1));
        let room = ((high - low) * 0.08).max(1e-3);
        match self.scale {
            Scale::Probabilities => (0.0..1.0, 0.0..1.0),
            Scale::Words(words) => (-0.3..words.len() as f64 - 0.7, low - room..high + room),
            Scale::Counts => (left..right, low - room..high + room),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_named_as_they_are_drawn() {
        let points = vec![(0.0, 0.1), (1.0, 0.2)];
        let lines =
            COLOURS.iter().map(|_| Line { name: String::new(), points: points.clone(), dashed: false }).collect();
        let svg = Chart { x: "x", y: "y", lines, scale: Scale::Probabilities }.svg().unwrap().unwrap();
        for (name, _) in COLOURS.iter().chain([&AXES]) {
            assert!(svg.contains(&format!("=\"{name}\"")), "{name} is in no attribute of the chart");
        }
        let lonely = vec![Line { name: String::new(), points: vec![(0.0, 0.1)], dashed: false }];
        assert!(Chart { x: "x", y: "y", lines: lonely, scale: Scale::Counts }.svg().unwrap().is_none());
    }
}
