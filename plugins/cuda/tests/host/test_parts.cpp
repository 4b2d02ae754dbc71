// Index functions on their own: fragments and banks, the list, the plan.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/conv/multiply.h"
#include "tests/host/check.h"
#include "tests/host/run_conv.h"
#include "tests/host/tests.h"

namespace edgeskip::cuda {

namespace {

// One stage multiplied by the warps of a tile, against plain loops; sums exact in small integers.
template <class T, class Tile>
void check_stage(const std::string& name, int steps) {
  constexpr int depth = stage_depth<T>();
  std::mt19937 random(7);
  std::vector<float> a(Tile::rows * depth), b(Tile::columns * depth);
  for (auto* values : {&a, &b})
    for (float& value : *values) value = static_cast<float>(static_cast<int>(random() % 15) - 7);
  std::vector<double> got(Tile::rows * Tile::columns, 1e9);
  emulate(1, Tile::threads, Tile::stage_bytes, {}, [&](const Emulated& e) {
    for (int i = e.thread(); i < (Tile::rows + Tile::columns) * depth; i += Tile::threads) {
      const bool pixels = i < Tile::rows * depth;
      const int row = (pixels ? i : i - Tile::rows * depth) / depth, k = i % depth, vector = k * int{sizeof(T)} / 16;
      const int at = pixels ? pixel_vector(row, vector) : Tile::rows * kRowBytes + channel_vector(row, vector);
      const T value = Element<T>::from_float(pixels ? a[row * depth + k] : b[row * depth + k]);
      std::memcpy(e.shared() + at + k * sizeof(T) % 16, &value, sizeof value);
    }
    e.barrier();
    WarpSums<T, Tile> sums;
    sums.clear();
    MultiplyStage<T, Tile>::run(e, e.shared(), steps, sums);
    for (int i = 0; i < Tile::lane_rows; ++i)
      for (int group = 0; group < Tile::groups; ++group)
        for (int c = 0; c < kRun; ++c) {
          const int row = e.warp() % Tile::warps_down * Tile::warp_rows + 8 * i + e.lane() / 4;
          const int column =
              e.warp() / Tile::warps_down * Tile::warp_columns + kGroup * group + e.lane() % 4 * kRun + c;
          got[row * Tile::columns + column] = static_cast<double>(sums.value[i][group][c]);
        }
  });
  int wrong = 0;
  for (int row = 0; row < Tile::rows; ++row)
    for (int column = 0; column < Tile::columns; ++column) {
      double sum = 0.0;
      for (int k = 0; k < steps * kStepBytes / int{sizeof(T)}; ++k)
        sum += double{a[row * depth + k]} * b[column * depth + k];
      wrong += sum != got[row * Tile::columns + column];
    }
  EDGESKIP_CHECK(wrong == 0, name + ": " + std::to_string(wrong) + " wrong sums");
}

// Whether eight lanes that are served at once read from eight different groups of four banks.
template <class Offset>
bool free_of_conflicts(const Offset& offset) {
  for (int phase = 0; phase < 4; ++phase) {
    std::set<int> banks;
    for (int lane = 8 * phase; lane < 8 * phase + 8; ++lane) banks.insert(offset(lane) / 16 % 8);
    if (banks.size() != 8) return false;
  }
  return true;
}

}  // namespace

void test_fragments() {
  for (const int steps : {1, 3, 4}) {
    check_stage<Half, Tiles128::Small>("f16 64x128", steps);
    check_stage<Half, Tiles64::Large>("f16 128x64", steps);
    check_stage<int8_t, Tiles64::Small>("int8 64x64", steps);
    check_stage<int8_t, Tiles32::Small>("int8 64x32", steps);
    check_stage<float, Tiles64::Small>("f32 64x64", steps);
    check_stage<float, Tiles32::Large>("f32 128x32", steps);
  }
  for (int step = 0; step < kStepsPerStage; ++step)
    for (int first = 0; first < 64; first += 32)
      for (int pair = 0; pair < 2; ++pair) {
        EDGESKIP_CHECK(free_of_conflicts([&](int lane) { return pixel_fragment(lane, first + 16 * pair, step); }),
                       "bank conflict in A");
        EDGESKIP_CHECK(free_of_conflicts([&](int lane) { return channel_fragment(lane, first, pair, step); }),
                       "bank conflict in B");
      }
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half = {static_cast<uint16_t>(bits)};
    const float value = to_float(half);
    EDGESKIP_CHECK(value != value || to_half(value).bits == bits, "half to float and back");
  }
  EDGESKIP_CHECK(to_half(65520.0f).bits == 0x7c00 && to_half(65519.0f).bits == 0x7bff, "half overflow");
  EDGESKIP_CHECK(to_half(1.0f + 1.0f / 2048).bits == 0x3c00 && to_half(1.0f + 3.0f / 2048).bits == 0x3c02,
                 "ties to even");
}

void test_list() {
  std::mt19937 random(3);
  for (const int block : {1, 2, 4, 8})
    for (const int height : {1, 7, 8, 33, 150})
      for (const int share : {0, 3, 50, 100}) {
        ConvCase c = conv_case(2, height, 61, 1, 1, 1);
        c.rules.block = block;
        ConvData d = conv_data(c);
        for (int32_t& bit : d.mask_x) bit = static_cast<int>(random() % 100) < share;
        const ConvBuffers b = conv_buffers(c, d, [](void* memory, size_t) { return memory; });
        const size_t bytes = conv_workspace_bytes(c.shape, c.rules, false);
        std::vector<Vector16> workspace(bytes / 16 + 1);
        ConvPlan plan;
        EDGESKIP_CHECK(plan_conv(c.shape, c.rules, b, workspace.data(), bytes, small_device(), &plan) == Status::ok,
                       c.name());
        ListArgs list = plan.args.list;
        if (height == 150 && share != 50) list.rounds = 8, list.chunks = chunk_count(list.grid.positions(), 8);
        Options options;
        options.order = share == 3 ? Fibers::Order::descending : Fibers::Order::shuffled;
        emulate(list.chunks, kListThreads, kListShared, options, [&](const Emulated& e) { mark_body<float>(e, list); });
        emulate(list.chunks, kListThreads, kListShared, options, [&](const Emulated& e) { write_body(e, list); });
        int active = 0, previous = -1;
        bool sorted = true;
        std::vector<int> seen(d.mask_x.size());
        for (int entry = 0; entry < list.counts->entries; ++entry) {
          sorted = sorted && list.entries[entry] > previous;
          previous = list.entries[entry];
        }
        const int rows = list.counts->entries << (2 * list.grid.shift);
        for (int row = 0; row < rows + 5; ++row) {
          const int pixel = pixel_of_row(list, row, rows);
          if (pixel >= 0) ++seen[pixel], ++active;
        }
        bool right = active == list.counts->active;
        for (size_t i = 0; i < seen.size(); ++i) right = right && seen[i] == (d.mask_x[i] != 0) && d.mask_y[i] == 0;
        EDGESKIP_CHECK(sorted && right, "list of " + c.name() + " share " + std::to_string(share));
      }
}

void test_plan() {
  EDGESKIP_CHECK(choose_tile(conv_case(1, 9, 9, 8, 32).shape, {}) == TileChoice::columns_32, "32 channels");
  EDGESKIP_CHECK(choose_tile(conv_case(1, 9, 9, 8, 64).shape, {}) == TileChoice::columns_64, "64 channels");
  EDGESKIP_CHECK(choose_tile(conv_case(1, 9, 9, 8, 256).shape, {}) == TileChoice::columns_128, "256 channels");
  EDGESKIP_CHECK(choose_tile(conv_case(1, 9, 9, 8, 144).shape, {}) != TileChoice::columns_128, "144 channels");
  // shared memory of sm_75, 80, 86, 87, 89, 90, 100 and 120: every tile but the largest has room in one form
  for (const int kilobytes : {64, 163, 99, 163, 99, 227, 227, 99}) {
    const DeviceLimits limits = {80, 10, kilobytes * 1024, (kilobytes + 1) * 1024};
    const Residence small = tile_residence(Tiles128::Small::head_bytes, Tiles128::Small::stage_bytes,
                                           Tiles128::Small::epilogue_bytes, 2, limits);
    EDGESKIP_CHECK(small.stages >= 2, "64x128 has no room in " + std::to_string(kilobytes) + " KB");
    EDGESKIP_CHECK(shared_bytes<Tiles128::Small>(small.stages) <= limits.shared_per_block, "too many stages");
  }
  EDGESKIP_CHECK(large_tiles_win(32400, 128, 64, 2, 264) && !large_tiles_win(3240, 128, 64, 2, 264),
                 "large or small tiles");
  ConvCase c = conv_case(1, 8, 8, 8, 8);
  ConvData d = conv_data(c);
  const ConvBuffers good = conv_buffers(c, d, [](void* memory, size_t) { return memory; });
  const auto status = [&](const auto& change) {
    ConvShape shape = c.shape;
    ConvRules rules;
    ConvBuffers buffers = good;
    change(shape, rules, buffers);
    return check_conv(shape, rules, buffers);
  };
  using S = ConvShape;
  using R = ConvRules;
  using B = ConvBuffers;
  EDGESKIP_CHECK(status([](S&, R&, B&) {}) == Status::ok, "a good layer is refused");
  EDGESKIP_CHECK(status([](S& s, R&, B&) { s.out_height = 7; }) == Status::bad_size, "wrong output size");
  EDGESKIP_CHECK(status([](S& s, R&, B&) { s.group = 3; }) == Status::bad_group, "wrong group");
  EDGESKIP_CHECK(status([](S&, R& r, B&) { r.block = 3; }) == Status::bad_value, "wrong block");
  EDGESKIP_CHECK(status([](S&, R& r, B&) { r.threshold = NAN; }) == Status::bad_value, "threshold NaN");
  EDGESKIP_CHECK(status([](S&, R& r, B&) { r.type = ElementType::int8; }) == Status::unsupported_type, "int8");
  EDGESKIP_CHECK(status([](S&, R&, B& b) { b.mask_y = nullptr; }) == Status::bad_pointer, "no mask");
  EDGESKIP_CHECK(status([](S&, R&, B& b) { b.y.pixel_stride = 16; }) == Status::bad_layout, "other strides");
  EDGESKIP_CHECK(status([](S&, R&, B& b) { b.mask_x.height = 5; }) == Status::bad_size, "mask of another size");
}

}  // namespace edgeskip::cuda
