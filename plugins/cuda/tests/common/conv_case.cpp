#include "tests/common/conv_case.h"

#include <cmath>
#include <random>
#include <sstream>

#include "base/geometry.h"

namespace edgeskip::cuda {

namespace {

int64_t out_pixels(const ConvShape& s) { return int64_t{s.batch} * s.out_height * s.out_width; }

HostTensor host_tensor(const ConvCase& c, int height, int width, int channels) {
  HostTensor t;
  t.type = c.rules.type;
  TensorView view = c.channels_first ? channels_first(nullptr, height, width, channels)
                                     : channels_last(nullptr, height, width, channels, c.padding);
  // all bits set: NaN in every float type, so that padding that is read shows
  t.bytes.assign(static_cast<size_t>(c.shape.batch * view.picture_stride * element_bytes(t.type)), 0xff);
  view.data = t.bytes.data();
  t.view = view;
  return t;
}

template <class Value>
void for_all(const HostTensor& t, int batch, int height, int width, int channels, const Value& value) {
  for (int n = 0; n < batch; ++n)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const int64_t at = pixel_offset(t.view, width, {n, y, x});
        for (int k = 0; k < channels; ++k) value(at + k * t.view.channel_stride, Pixel{n, y, x}, k);
      }
}

std::vector<int32_t> random_mask(std::mt19937& random, int64_t count, double share) {
  std::vector<int32_t> mask(static_cast<size_t>(count));
  std::bernoulli_distribution set(share);
  for (int32_t& bit : mask) bit = set(random) ? 1 + static_cast<int32_t>(random() % 3) : 0;
  return mask;
}

std::vector<float> random_floats(std::mt19937& random, int64_t count, float low, float high) {
  std::uniform_real_distribution<float> value(low, high);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = value(random);
  return values;
}

}  // namespace

double HostTensor::get(int64_t element) const {
  if (type == ElementType::float16) return to_float(reinterpret_cast<const Half*>(bytes.data())[element]);
  return reinterpret_cast<const float*>(bytes.data())[element];
}

void HostTensor::set(int64_t element, double value) {
  if (type == ElementType::float16)
    reinterpret_cast<Half*>(bytes.data())[element] = to_half(static_cast<float>(value));
  else
    reinterpret_cast<float*>(bytes.data())[element] = static_cast<float>(value);
}

ConvCase conv_case(int batch, int height, int width, int in_channels, int out_channels, int kernel, int stride,
                   int dilation, int group) {
  ConvCase c;
  ConvShape& s = c.shape;
  s.batch = batch, s.in_height = height, s.in_width = width, s.in_channels = in_channels;
  s.out_channels = out_channels, s.group = group;
  for (int axis = 0; axis < 2; ++axis) {
    s.kernel[axis] = kernel, s.strides[axis] = stride, s.dilations[axis] = dilation;
    s.pads[axis] = s.pads[axis + 2] = dilation * (kernel - 1) / 2;
  }
  s.out_height = conv_output_size(s, 0), s.out_width = conv_output_size(s, 1);
  return c;
}

std::string ConvCase::name() const {
  std::ostringstream out;
  const ConvShape& s = shape;
  out << (rules.type == ElementType::float16 ? "f16 " : "f32 ") << s.batch << "x" << s.in_height << "x" << s.in_width
      << "x" << s.in_channels << " -> " << s.out_channels << " k" << s.kernel[0] << "x" << s.kernel[1] << " s"
      << s.strides[0] << "x" << s.strides[1] << " p" << s.pads[0] << "," << s.pads[1] << "," << s.pads[2] << ","
      << s.pads[3] << " d" << s.dilations[0] << "x" << s.dilations[1] << " g" << s.group << " block " << rules.block
      << " norm " << static_cast<int>(rules.norm) << " threshold " << rules.threshold << " activation "
      << static_cast<int>(rules.activation) << " tile " << rules.tile << " active " << active << " seed " << seed;
  const std::pair<bool, const char*> flags[] = {
      {residual, "residual"}, {mask_z, "mask_z"}, {gate, "gate"}, {pending, "pending"}, {!in_place, "out-of-place"},
      {channel_weight, "channel_weight"}, {first_frame, "first"}, {channels_first, "nchw"}, {padding > 1, "padded"},
      {broadcast_mask, "broadcast"}};
  for (const auto& [flag, text] : flags)
    if (flag) out << ' ' << text;
  return out.str();
}

ConvData conv_data(const ConvCase& c) {
  const ConvShape& s = c.shape;
  std::mt19937 random(c.seed);
  std::normal_distribution<double> normal;
  ConvData d;
  d.x = host_tensor(c, s.in_height, s.in_width, s.in_channels);
  for_all(d.x, s.batch, s.in_height, s.in_width, s.in_channels,
          [&](int64_t at, Pixel, int) { d.x.set(at, normal(random)); });
  const int64_t weights = int64_t{s.out_channels} * s.kernel[0] * s.kernel[1] * (s.in_channels / s.group);
  d.w.type = c.rules.type;
  d.w.bytes.assign(static_cast<size_t>(weights * element_bytes(c.rules.type)), 0);
  const double scale = 1.0 / std::sqrt(static_cast<double>(weights) / s.out_channels);
  for (int64_t i = 0; i < weights; ++i) d.w.set(i, scale * normal(random));
  d.mask_x = random_mask(random, c.broadcast_mask ? s.batch : int64_t{s.batch} * s.in_height * s.in_width, c.active);
  if (c.bias) d.bias = random_floats(random, s.out_channels, -0.5f, 0.5f);
  if (c.channel_weight) {
    d.channel_weight = random_floats(random, s.out_channels, 0.0f, 2.0f);
    d.channel_weight[0] = 0.0f;
  }
  if (c.rules.activation == Activation::prelu) d.prelu_alpha = random_floats(random, s.out_channels, -0.5f, 0.5f);
  if (c.residual) {
    d.z = host_tensor(c, s.out_height, s.out_width, s.out_channels);
    for_all(d.z, s.batch, s.out_height, s.out_width, s.out_channels,
            [&](int64_t at, Pixel, int) { d.z.set(at, normal(random)); });
  }
  if (c.mask_z) d.mask_z = random_mask(random, out_pixels(s), 0.1);
  if (c.gate) d.gate = random_mask(random, out_pixels(s), 0.5);
  if (c.pending) d.pending = random_mask(random, out_pixels(s), 0.2);
  d.mask_y.assign(static_cast<size_t>(out_pixels(s)), 77);
  if (c.gate) d.pending_next.assign(static_cast<size_t>(out_pixels(s)), 77);

  d.y_prev = host_tensor(c, s.out_height, s.out_width, s.out_channels);
  const ConvExpectation e = conv_expectation(c, d);
  std::vector<double> distance(static_cast<size_t>(out_pixels(s)));
  const double unit = c.rules.threshold > 0.0f && std::isfinite(c.rules.threshold) ? c.rules.threshold : 1.0;
  for (double& value : distance) {
    const unsigned kind = random() % 5;
    value = kind == 0 || c.first_frame ? NAN : kind == 1 ? 0.0 : kind == 2 ? 0.5 * unit : 2.5 * unit;
  }
  for_all(d.y_prev, s.batch, s.out_height, s.out_width, s.out_channels, [&](int64_t at, Pixel p, int k) {
    const int64_t pixel = pixel_index(s.out_height, s.out_width, p);
    const double sign = random() % 2 ? 1.0 : -1.0;
    d.y_prev.set(at, e.yhat[pixel * s.out_channels + k] + sign * distance[pixel]);
  });
  if (!c.in_place) d.y = host_tensor(c, s.out_height, s.out_width, s.out_channels);
  return d;
}

ConvBuffers conv_buffers(const ConvCase& c, ConvData& d, const std::function<void*(void*, size_t)>& place) {
  const ConvShape& s = c.shape;
  const auto bytes = [&](HostTensor& t) { return t.bytes.empty() ? nullptr : place(t.bytes.data(), t.bytes.size()); };
  const auto array = [&](auto& values) {
    using Value = typename std::decay_t<decltype(values)>::value_type;
    return values.empty() ? nullptr : static_cast<Value*>(place(values.data(), values.size() * sizeof(Value)));
  };
  const auto view = [&](HostTensor& t) {
    TensorView v = t.view;
    v.data = bytes(t);
    return v;
  };
  ConvBuffers b;
  b.x = view(d.x), b.w = bytes(d.w), b.z = view(d.z), b.y_prev = view(d.y_prev);
  b.y = c.in_place ? b.y_prev : view(d.y);
  const int in_height = c.broadcast_mask ? 1 : s.in_height, in_width = c.broadcast_mask ? 1 : s.in_width;
  b.mask_x = {array(d.mask_x), in_height, in_width};
  b.mask_z = {array(d.mask_z), s.out_height, s.out_width};
  b.gate = {array(d.gate), s.out_height, s.out_width};
  b.pending = array(d.pending), b.mask_y = array(d.mask_y), b.pending_next = array(d.pending_next);
  b.bias = array(d.bias), b.channel_weight = array(d.channel_weight), b.prelu_alpha = array(d.prelu_alpha);
  return b;
}

}  // namespace edgeskip::cuda
