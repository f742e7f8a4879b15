//! First and second moments of rows, packed so that an event costs a few passes over contiguous numbers.

/// For each entity the moments of its combined row (b, v), b its weight: `E[v_l v_m]` for m <= l, `E[v]`, `E[b v]`, `E[b]`,
/// `E[b^2]`. Sums over events have the same shape: the likelihood's precision of (b, v), its linear term and its constant.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    k: usize,
    numbers: Vec<f32>,
}

/// Numbers that one entity takes.
pub(super) fn stride(k: usize) -> usize {
    k * (k + 1) / 2 + 2 * k + 2
}

impl Moments {
    pub(super) fn new(entities: usize, k: usize) -> Moments {
        Moments { k, numbers: vec![0.0; entities * stride(k)] }
    }

    #[inline(always)]
    pub(super) fn of(&self, entity: usize) -> View<'_> {
        View::new(&self.numbers[entity * stride(self.k)..][..stride(self.k)], self.k)
    }

    /// All of them, one entity's behind the other's.
    pub(super) fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }

    pub(super) fn chunks_mut(&mut self, entities: usize) -> std::slice::ChunksMut<'_, f32> {
        self.numbers.chunks_mut(entities * stride(self.k))
    }
}

/// The parts of one entity's moments.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// `E[v_l v_m]`, m <= l, then `E[v]`.
    pub(super) vv_v: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) bv: &'a [f32],
    pub(super) b: f32,
    pub(super) bb: f32,
}

impl<'a> View<'a> {
    #[inline(always)]
    pub(super) fn new(numbers: &'a [f32], k: usize) -> View<'a> {
        let vv = k * (k + 1) / 2;
        View {
            vv_v: &numbers[..vv + k],
            v: &numbers[vv..vv + k],
            bv: &numbers[vv + k..vv + 2 * k],
            b: numbers[vv + 2 * k],
            bb: numbers[vv + 2 * k + 1],
        }
    }

    /// The covariance of (b, v).
    pub(super) fn covariance(&self, out: &mut [f64]) {
        let d = 1 + self.v.len();
        let mean = |i: usize| f64::from(if i == 0 { self.b } else { self.v[i - 1] });
        let second = |i: usize, j: usize| match (i, j) {
            (0, 0) => self.bb,
            (i, 0) => self.bv[i - 1],
            (i, j) => self.vv_v[(i - 1) * i / 2 + j - 1],
        };
        for i in 0..d {
            for j in 0..=i {
                let covariance = f64::from(second(i, j)) - mean(i) * mean(j);
                out[i * d + j] = covariance;
                out[j * d + i] = covariance;
            }
        }
    }
}

/// Writes the moments of N(mean, covariance).
pub(super) fn set(numbers: &mut [f32], mean: &[f64], covariance: &[f64]) {
    let d = mean.len();
    let k = d - 1;
    let vv = k * (k + 1) / 2;
    let second = |i: usize, j: usize| (mean[i] * mean[j] + covariance[i * d + j]) as f32;
    let mut at = 0;
    for l in 1..d {
        for m in 1..=l {
            numbers[at] = second(l, m);
            at += 1;
        }
    }
    for l in 1..d {
        numbers[vv + l - 1] = mean[l] as f32;
        numbers[vv + k + l - 1] = second(l, 0);
    }
    numbers[vv + 2 * k] = mean[0] as f32;
    numbers[vv + 2 * k + 1] = second(0, 0);
}

/// What events say of one entity's combined row (b, v): the quadratic -1/2 p^T A p + h^T p + constant.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    k: usize,
    /// A's lower triangle over v, then its column for b: the same order as [`View::vv_v`].
    vv_v: Vec<f32>,
    /// h's part for v.
    hv: Vec<f32>,
    /// A for b.
    pub(super) n: f32,
    /// h for b.
    h: f32,
}

impl Evidence {
    pub(super) fn new(k: usize) -> Evidence {
        Evidence { k, vv_v: vec![0.0; k * (k + 1) / 2 + k], hv: vec![0.0; k], n: 0.0, h: 0.0 }
    }

    pub(super) fn clear(&mut self) {
        self.vv_v.fill(0.0);
        self.hv.fill(0.0);
        (self.n, self.h) = (0.0, 0.0);
    }

    /// Adds an event with `other`: -1/2 weight s^2 + pull s, s = b + b' + <v, v'>.
    #[inline(always)]
    pub(super) fn add(&mut self, other: View<'_>, weight: f32, pull: f32) {
        for (sum, x) in self.vv_v.iter_mut().zip(other.vv_v) {
            *sum += weight * x;
        }
        for ((sum, v), bv) in self.hv.iter_mut().zip(other.v).zip(other.bv) {
            *sum += pull * v - weight * bv;
        }
        self.n += weight;
        self.h += pull - weight * other.b;
    }

    /// A and h, multiplied by `factor`.
    pub(super) fn quadratic(&self, factor: f64, a: &mut [f64], h: &mut [f64]) {
        let d = 1 + self.k;
        let triangle = self.k * d / 2;
        a[0] = factor * f64::from(self.n);
        h[0] = factor * f64::from(self.h);
        for l in 1..d {
            let x = factor * f64::from(self.vv_v[triangle + l - 1]);
            a[l * d] = x;
            a[l] = x;
            h[l] = factor * f64::from(self.hv[l - 1]);
            for m in 1..=l {
                let x = factor * f64::from(self.vv_v[(l - 1) * l / 2 + m - 1]);
                a[l * d + m] = x;
                a[m * d + l] = x;
            }
        }
    }

    /// E[p^T A p - 2 h^T p] of a row with these moments.
    pub(super) fn squares(&self, p: View<'_>) -> f64 {
        let mut sum = 0.0;
        let mut at = 0;
        for l in 0..self.k {
            for m in 0..=l {
                let x = f64::from(self.vv_v[at]) * f64::from(p.vv_v[at]);
                sum += if m < l { 2.0 * x } else { x };
                at += 1;
            }
        }
        for l in 0..self.k {
            let (cross, linear) = (self.vv_v[at + l], self.hv[l]);
            sum += 2.0 * (f64::from(cross) * f64::from(p.bv[l]) - f64::from(linear) * f64::from(p.v[l]));
        }
        sum + f64::from(self.n) * f64::from(p.bb) - 2.0 * f64::from(self.h) * f64::from(p.b)
    }
}

/// One entity's moments, rearranged for [`Expected::squared_score`].
pub(super) struct Expected {
    /// `E[v_l v_m]` doubled where l != m, then `2 E[b v]`.
    vv_bv: Vec<f32>,
    v: Vec<f32>,
    b: f32,
    bb: f32,
}

impl Expected {
    pub(super) fn new(k: usize) -> Expected {
        Expected { vv_bv: vec![0.0; k * (k + 1) / 2 + k], v: vec![0.0; k], b: 0.0, bb: 0.0 }
    }

    pub(super) fn set(&mut self, view: View<'_>) {
        let k = view.v.len();
        let mut at = 0;
        for l in 0..k {
            for m in 0..=l {
                self.vv_bv[at] = if m < l { 2.0 * view.vv_v[at] } else { view.vv_v[at] };
                at += 1;
            }
        }
        for (to, x) in self.vv_bv[at..].iter_mut().zip(view.bv) {
            *to = 2.0 * x;
        }
        self.v.copy_from_slice(view.v);
        (self.b, self.bb) = (view.b, view.bb);
    }

    /// E[s^2] of an event with `other`, s = b + b' + <v, v'>.
    #[inline(always)]
    pub(super) fn squared_score(&self, other: View<'_>) -> f32 {
        // E[(b + b')^2] + 2 E[(b + b') <v, v'>] + E[<v, v'>^2]
        let biases = self.bb + 2.0 * self.b * other.b + other.bb;
        biases + lanes(&self.vv_bv, other.vv_v) + 2.0 * lanes(&self.v, other.bv)
    }

    /// E[s].
    #[inline(always)]
    pub(super) fn score(&self, other: View<'_>) -> f32 {
        self.b + other.b + lanes(&self.v, other.v)
    }
}

/// A dot product in eight partial sums, which is what vector registers hold.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..8 {
            sums[l] += a[l] * b[l];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
