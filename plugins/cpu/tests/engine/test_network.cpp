// A plan with every op: frames on any number of threads, block, panel give the same bits; and each
// skipping frame equals what a stream computes that sees the frame as its first (thresholds are 0).
#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "tests.h"

namespace edgeskip::testing {

namespace {

class Builder {
 public:
  Builder(Network& network, uint32_t seed) : network_(network), random_(seed) {}

  struct Node {
    int tensor, mask, channels;
    Size size;
  };

  Node node(Size size, int channels) {
    Plan& plan = network_.plan;
    Node result{plan.add_tensor(plan.add_buffer(size.height, size.width, channels), 0, channels),
                plan.add_mask(size.height, size.width), channels, size};
    network_.tensors.push_back(result.tensor);
    network_.masks.push_back(result.mask);
    return result;
  }

  Node conv(const Node& x, int outputs, int kernel, int stride, int group, bool transposed = false,
            const Node* z = nullptr, const char* function = nullptr) {
    ConvSpec spec;
    const int pad = transposed ? (kernel - stride) / 2 : kernel / 2;
    const auto size = [&](int extent) { return transposed ? extent * stride : (extent + stride - 1) / stride; };
    const Node y = node({size(x.size.height), size(x.size.width)}, outputs);
    spec.x = x.tensor, spec.mask_x = x.mask, spec.y = y.tensor, spec.mask_y = y.mask;
    if (z) spec.z = z->tensor, spec.mask_z = z->mask;
    const int shape[4] = {transposed ? x.channels : outputs, (transposed ? outputs : x.channels) / group, kernel,
                          kernel};
    std::copy_n(shape, 4, spec.weight_shape);
    const double scale = std::sqrt(3.0 * group / (static_cast<double>(x.channels) * kernel * kernel));
    spec.weight = values(int64_t{shape[0]} * shape[1] * kernel * kernel, scale);
    spec.bias = values(outputs, 0.1);
    std::fill_n(spec.window.strides, 2, stride);
    std::fill_n(spec.window.pads, 4, pad);
    spec.group = group;
    spec.transposed = transposed;
    spec.activation = {"leaky_relu", {0.2f}, 0};
    spec.block = 2;
    const Node activated{function ? node(y.size, outputs).tensor : -1, y.mask, outputs, y.size};
    if (function) spec.activated = activated.tensor, spec.function = {function, {}, 0};
    add_conv(network_.plan, "conv", std::move(spec));
    return function ? activated : y;
  }

  Node pool(const Node& x, const char* kind, int size = 3) {
    const Node y = node(x.size, x.channels);
    Window window;
    std::fill_n(window.kernel, 2, size);
    std::fill_n(window.pads, 4, size / 2);
    add_mask_pool(network_.plan, "mask", x.mask, y.mask, window);
    add_pool(network_.plan, "pool", kind, x.tensor, y.tensor, y.mask, window, false);
    return y;
  }

  Node global_pool(const Node& x) {
    const Node pooled = node({1, 1}, x.channels), kept = node({1, 1}, x.channels);
    add_mask_reduce(network_.plan, "reduce", x.mask, pooled.mask);
    add_global_pool(network_.plan, "global", "average", x.tensor, pooled.tensor, pooled.mask, x.mask);
    add_gate(network_.plan, "gate", {pooled.tensor, kept.tensor, kept.mask, "linf", 0, 0, 1});
    return kept;
  }

  Node resize(const Node& x, bool nearest) {
    const Node y = node({x.size.height * 2, x.size.width * 2}, x.channels);
    const auto axis = [&](int inputs) {
      ResizeAxis result;
      for (int i = 0; i < 2 * inputs; ++i) {
        const double position = std::clamp((i + 0.5) / 2 - 0.5, 0.0, inputs - 1.0);
        const int first = nearest ? i / 2 : static_cast<int>(position);
        const float share = nearest ? 0 : static_cast<float>(position - first);
        result.reads.insert(result.reads.end(), {first, std::min(first + 1, inputs - 1)});
        result.weights.insert(result.weights.end(), {1 - share, share});
      }
      return result;
    };
    const ResizeAxis rows = axis(x.size.height), columns = axis(x.size.width);
    add_mask_resize(network_.plan, "mask", x.mask, y.mask, rows.reads, columns.reads);
    add_resize(network_.plan, "resize", x.tensor, y.tensor, y.mask, rows, columns);
    return y;
  }

  Node binary(const Node& a, const Node& b, const char* kind) {
    const Node y = node(a.size, a.channels);
    add_mask_union(network_.plan, "mask", {a.mask, b.mask}, y.mask);
    add_binary(network_.plan, "binary", kind, a.tensor, b.tensor, y.tensor, y.mask, {"silu", {}, 0});
    return y;
  }

  // silu(hard_sigmoid(a) + nearest(b)) * a, b of half a's size, as an exact gate of the chain's publishes it
  Node chain(const Node& a, const Node& b) {
    const Node y = node(a.size, a.channels), kept = node(a.size, a.channels);
    ChainOperand up{b.tensor, {}, {}};
    for (int i = 0; i < a.size.height; ++i) up.rows.push_back(i / 2);
    for (int i = 0; i < a.size.width; ++i) up.columns.push_back(i / 2);
    Ranges rows, columns;
    for (const int i : up.rows) rows.insert(rows.end(), {i, i});
    for (const int i : up.columns) columns.insert(columns.end(), {i, i});
    const Node grown{-1, network_.plan.add_mask(a.size.height, a.size.width), a.channels, a.size};
    add_mask_resize(network_.plan, "mask", b.mask, grown.mask, rows, columns);
    add_mask_union(network_.plan, "mask", {a.mask, grown.mask}, y.mask);
    add_chain(network_.plan, "chain", {{a.tensor, {}, {}}, up},
              {{"unary", 0, 0, {"hard_sigmoid", {0.5f}, 0}}, {"add", 2, 1, {}}, {"unary", 3, 0, {"silu", {}, 0}},
               {"mul", 4, 0, {}}},
              y.tensor, y.mask, {{kept.tensor, kept.mask, "l2", 0.0f}});
    return kept;
  }

  Node unary(const Node& x) {
    const Node y = node(x.size, x.channels);
    add_mask_union(network_.plan, "mask", {x.mask}, y.mask);
    add_unary(network_.plan, "unary", x.tensor, y.tensor, y.mask, {"sigmoid", {}, 0});
    return y;
  }

  Node shuffle(const Node& x) {
    const Node y = node(x.size, x.channels);
    std::vector<int32_t> indices;
    for (int c = 0; c < x.channels; ++c) indices.push_back(c * 5 % x.channels);
    add_mask_union(network_.plan, "mask", {x.mask}, y.mask);
    add_gather(network_.plan, "gather", x.tensor, y.tensor, y.mask, indices);
    return y;
  }

  Node depth_and_back(const Node& x) {
    const Node deep = node({x.size.height / 2, x.size.width / 2}, x.channels * 4);
    Window window;
    std::fill_n(window.kernel, 2, 2);
    std::fill_n(window.strides, 2, 2);
    add_mask_pool(network_.plan, "mask", x.mask, deep.mask, window);
    add_space_to_depth(network_.plan, "deep", x.tensor, deep.tensor, deep.mask, 2);
    const Node y = node(x.size, x.channels);
    Ranges rows, columns;
    for (int i = 0; i < x.size.height; ++i) rows.insert(rows.end(), {i / 2, i / 2});
    for (int i = 0; i < x.size.width; ++i) columns.insert(columns.end(), {i / 2, i / 2});
    add_mask_resize(network_.plan, "mask", deep.mask, y.mask, rows, columns);
    add_depth_to_space(network_.plan, "back", deep.tensor, y.tensor, y.mask, 2, false);
    return y;
  }

  Node shift(const Node& x) {
    const Node y = node(x.size, x.channels);
    add_mask_window(network_.plan, "mask", x.mask, y.mask, {1, -2}, {1, 1});
    const Node result = node(x.size, x.channels);
    add_window(network_.plan, "window", x.tensor, y.tensor, y.mask, {1, -2}, {1, 1}, 0.25f);
    // what lies outside x never changes: on the first frame a gate on the whole picture fills it
    add_gate(network_.plan, "gate", {y.tensor, result.tensor, result.mask, "l1", 0, 0, 1});
    return result;
  }

  std::vector<float> values(int64_t count, double scale) {
    std::vector<float> result(static_cast<size_t>(count));
    std::uniform_real_distribution<float> distribution(static_cast<float>(-scale), static_cast<float>(scale));
    for (float& value : result) value = distribution(random_);
    return result;
  }

 private:
  Network& network_;
  std::mt19937 random_;
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> read(const Stream& stream, int tensor) {
  const TensorView view = stream.tensor(tensor);
  std::vector<float> values(static_cast<size_t>(view.height) * view.width * view.channels);
  stream.read(tensor, values.data());
  return values;
}

void show(Stream& stream, const Network& network, int height, int width, int index) {
  stream.write(network.picture, make_picture(height, width, index).data());
  stream.run(0, network.ops);
}

void compare_streams(const Stream& one, const Stream& other, const Network& network, const char* what) {
  int different = 0;
  for (const int tensor : network.tensors) different += !same_bits(read(one, tensor), read(other, tensor));
  expect(different == 0, "%s: %d of %d tensors differ", what, different, static_cast<int>(network.tensors.size()));
}

void test_options(const Network& network, int height, int width, const char* level) {
  const Engine plain(network.plan, {1, level, 0, 0});
  for (const EngineOptions& options : {EngineOptions{2, level, 0, 0}, EngineOptions{4, level, 8, 0},
                                       EngineOptions{1, level, 4, 1}, EngineOptions{3, level, 1, 7}}) {
    report().context = std::string("network on ") + level + ", threads " + std::to_string(options.threads) +
                       ", block " + std::to_string(options.block) + ", panel " + std::to_string(options.panel_rows);
    const Engine engine(network.plan, options);
    Stream reference(plain), stream(engine);
    for (int index = 0; index < 4; ++index) {
      show(reference, network, height, width, index);
      show(stream, network, height, width, index);
      compare_streams(reference, stream, network, "options");
      bool masks = true;
      for (const int mask : network.masks) masks &= count(reference.mask(mask)) == count(stream.mask(mask));
      expect(masks, "masks of frame %d", index);
    }
  }
}

void test_skipping_is_exact(const Network& network, int height, int width) {
  report().context = "skipping against a first frame";
  const Engine engine(network.plan, {2, "auto", 0, 0});
  Stream stream(engine), fresh(engine);
  for (int index = 0; index < 6; ++index) {
    show(stream, network, height, width, index);
    fresh.reset();
    show(fresh, network, height, width, index);
    compare_streams(stream, fresh, network, "frame");
    int64_t skipped = 0, dense = 0;
    for (const int64_t pixels : stream.active_pixels()) skipped += pixels;
    for (const int64_t pixels : fresh.active_pixels()) dense += pixels;
    expect(index == 0 ? skipped == dense : skipped < dense, "frame %d computed %lld pixels of %lld", index,
           static_cast<long long>(skipped), static_cast<long long>(dense));
  }
}

}  // namespace

std::vector<float> make_picture(int height, int width, int index) {
  std::vector<float> picture(static_cast<size_t>(3) * height * width);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const bool object = std::abs(y - height / 2) < 3 && x >= 5 * index && x < 5 * index + 9;
        picture[(static_cast<size_t>(c) * height + y) * width + x] =
            object ? 1.5f + 0.1f * static_cast<float>(c) : std::sin(0.3f * static_cast<float>(x * (c + 1) + 2 * y));
      }
  return picture;
}

Network make_network(int height, int width, uint32_t seed) {
  Network network;
  Builder build(network, seed);
  Plan& plan = network.plan;
  network.picture = plan.add_tensor(plan.add_buffer(height, width, 3), 0, 3);
  const Builder::Node picture = build.node({height, width}, 3);
  add_gate(plan, "frame", {network.picture, picture.tensor, picture.mask, "l2", 0, 0, 3});
  const auto first = build.conv(picture, 16, 3, 2, 1);
  const auto depthwise = build.conv(first, 16, 3, 1, 16, false, nullptr, "silu");
  const auto pointwise = build.conv(depthwise, 40, 1, 1, 1);
  const auto grouped = build.conv(pointwise, 20, 3, 1, 4);
  const auto residual = build.conv(grouped, 40, 3, 1, 1, false, &pointwise, "relu");
  const auto scaled = build.binary(residual, build.global_pool(residual), "mul");
  const auto down = build.conv(build.pool(scaled, "max"), 24, 3, 2, 1);
  const auto up = build.conv(build.shuffle(down), 12, 4, 2, 1, true, nullptr, "exp");
  const auto nearest = build.resize(build.pool(build.pool(down, "max", 5), "average"), true);
  const auto linear = build.resize(down, false);
  const auto joined = build.unary(build.chain(build.binary(nearest, linear, "add"), down));
  build.conv(build.depth_and_back(joined), 8, 5, 1, 8);
  build.conv(build.shift(up), 70, 1, 1, 1);
  network.ops = static_cast<int>(plan.operations().size());
  return network;
}

void test_network() {
  const int height = 96, width = 200;  // large enough that gates and global pooling are split too
  const Network network = make_network(height, width, 1);
  for (const Level level : {Level::scalar, Level::neon, Level::avx2, Level::avx512})
    if (const KernelTable* table = kernel_table(level)) test_options(network, height, width, table->name);
  test_skipping_is_exact(network, height, width);
}

}  // namespace edgeskip::testing
