#include "tests/common/gate_case.h"

#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "base/geometry.h"

namespace edgeskip::cuda {

namespace {

HostTensor gate_tensor(const GateCase& c) {
  const GateShape& s = c.shape;
  HostTensor t;
  t.type = c.rules.type;
  t.view = c.channels_first ? channels_first(nullptr, s.height, s.width, s.channels)
                            : channels_last(nullptr, s.height, s.width, s.channels);
  t.bytes.assign(static_cast<size_t>(s.batch * t.view.picture_stride * element_bytes(t.type)), 0xff);
  return t;
}

int64_t element(const GateCase& c, const HostTensor& t, const Pixel& p, int channel) {
  return pixel_offset(t.view, c.shape.width, p) + channel * t.view.channel_stride;
}

double norm_of(Norm norm, const std::vector<double>& values) {
  double sum = 0.0, largest = 0.0;
  for (const double value : values) {
    sum += norm == Norm::l2 ? value * value : std::fabs(value);
    largest = std::isnan(value) || std::isnan(largest) ? NAN : std::max(largest, std::fabs(value));
  }
  if (norm == Norm::linf) return largest;
  const double mean = sum / static_cast<double>(values.size());
  return norm == Norm::l2 ? std::sqrt(mean) : mean;
}

struct GateNorms {
  double mean, moved;
};

GateNorms gate_norms(const GateCase& c, const GateData& d, const Pixel& at) {
  const int reach = c.rules.window / 2;
  std::vector<double> sums(c.shape.channels);
  double norms = 0.0, inside = 0.0;
  for (int y = at.y - reach; y <= at.y + reach; ++y)
    for (int x = at.x - reach; x <= at.x + reach; ++x) {
      if (y < 0 || y >= c.shape.height || x < 0 || x >= c.shape.width) continue;
      std::vector<double> difference;
      for (int k = 0; k < c.shape.channels; ++k) {
        const Pixel p = {at.picture, y, x};
        difference.push_back(d.x.get(element(c, d.x, p, k)) - d.ref.get(element(c, d.ref, p, k)));
        sums[k] += difference.back();
      }
      norms += norm_of(c.rules.norm, difference);
      inside += 1.0;
    }
  for (double& sum : sums) sum /= inside;
  return {norms / inside, norm_of(c.rules.norm, sums)};
}

bool close(double norm, double threshold) { return std::fabs(norm - threshold) <= 1e-5 * (1.0 + std::fabs(threshold)); }

}  // namespace

std::string GateCase::name() const {
  std::ostringstream out;
  out << (rules.type == ElementType::float16 ? "f16 " : "f32 ") << shape.batch << "x" << shape.height << "x"
      << shape.width << "x" << shape.channels << " window " << rules.window << " norm " << static_cast<int>(rules.norm)
      << " thresholds " << rules.threshold << " " << rules.threshold_signed << (in_place ? "" : " out-of-place")
      << (channels_first ? " nchw" : "");
  return out.str();
}

GateData gate_data(const GateCase& c) {
  std::mt19937 random(c.seed);
  std::normal_distribution<double> normal;
  GateData d;
  d.x = gate_tensor(c), d.ref = gate_tensor(c);
  const GateShape& s = c.shape;
  for (int i = 0; i < s.batch * s.height * s.width; ++i) {
    const Pixel p = pixel_at(s.height, s.width, i);
    const unsigned kind = random() % 8;
    for (int k = 0; k < s.channels; ++k) {
      const double value = normal(random);
      d.x.set(element(c, d.x, p, k), value);
      const double old = kind == 0                  ? value + normal(random)
                         : kind == 1 && i % 50 == 0 ? NAN
                                                    : value + 0.1 * normal(random);
      d.ref.set(element(c, d.ref, p, k), kind == 2 ? value : old);
    }
  }
  if (!c.in_place) d.y = gate_tensor(c);
  d.mask.assign(static_cast<size_t>(s.batch) * s.height * s.width, 77);
  return d;
}

GateBuffers gate_buffers(const GateCase& c, GateData& d, const std::function<void*(void*, size_t)>& place) {
  const auto view = [&](HostTensor& t) {
    TensorView v = t.view;
    v.data = place(t.bytes.data(), t.bytes.size());
    return v;
  };
  GateBuffers b;
  b.x = view(d.x), b.ref = view(d.ref);
  b.y = c.in_place ? b.ref : view(d.y);
  b.mask = static_cast<int32_t*>(place(d.mask.data(), d.mask.size() * 4));
  return b;
}

int compare_gate(const GateCase& c, const GateData& before, const GateData& after) {
  const GateShape& s = c.shape;
  const HostTensor& y = c.in_place ? after.ref : after.y;
  int wrong = 0;
  for (int i = 0; i < s.batch * s.height * s.width; ++i) {
    const Pixel p = pixel_at(s.height, s.width, i);
    const GateNorms norms = gate_norms(c, before, p);
    const bool moved = !(norms.mean <= c.rules.threshold) || !(norms.moved <= c.rules.threshold_signed);
    const bool undecided = close(norms.mean, c.rules.threshold) || close(norms.moved, c.rules.threshold_signed);
    bool bad = after.mask[i] != moved && !(undecided && (after.mask[i] == 0 || after.mask[i] == 1));
    const HostTensor& from = after.mask[i] ? before.x : before.ref;
    for (int k = 0; k < s.channels; ++k) {
      const double value = y.get(element(c, y, p, k)), expected = from.get(element(c, from, p, k));
      bad = bad || !(value == expected || (std::isnan(value) && std::isnan(expected)));
    }
    wrong += bad;
  }
  return wrong;
}

std::vector<GateCase> gate_table() {
  std::vector<GateCase> table;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float thresholds[][2] = {
      {0.2f, infinity}, {infinity, 0.1f}, {0.3f, 0.08f}, {0.0f, infinity}, {infinity, infinity}};
  const GateShape shapes[] = {{1, 9, 33, 3}, {3, 17, 40, 3}, {2, 1, 1, 40},
                              {1, 8, 32, 1}, {2, 5, 7, 24},  {1, 20, 70, 11}};
  unsigned turn = 0;
  for (const GateShape& shape : shapes)
    for (const int window : {1, 3, 5, 15})
      for (const auto& pair : thresholds) {
        GateCase c;
        c.shape = shape, c.rules.window = window, c.rules.norm = static_cast<Norm>(turn % 3);
        c.rules.threshold = pair[0], c.rules.threshold_signed = pair[1];
        c.rules.type = turn % 2 ? ElementType::float16 : ElementType::float32;
        c.in_place = turn % 4 < 2, c.channels_first = turn % 5 == 4, c.seed = ++turn;
        table.push_back(c);
      }
  return table;
}

}  // namespace edgeskip::cuda
