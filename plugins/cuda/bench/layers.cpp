#include "bench/layers.h"

namespace edgeskip::cuda {

namespace {

BenchLayer layer(const std::string& name, int batch, int height, int width, int in, int out, int kernel, int stride) {
  BenchLayer result;
  ConvShape& s = result.shape;
  s.batch = batch, s.in_height = height, s.in_width = width, s.in_channels = in, s.out_channels = out;
  for (int axis = 0; axis < 2; ++axis) {
    s.kernel[axis] = kernel, s.strides[axis] = stride;
    s.pads[axis] = s.pads[axis + 2] = kernel / 2;
  }
  s.out_height = conv_output_size(s, 0), s.out_width = conv_output_size(s, 1);
  result.name = name + "_b" + std::to_string(batch);
  return result;
}

}  // namespace

std::vector<BenchLayer> bench_layers() {
  std::vector<BenchLayer> layers;
  for (const int channels : {64, 96, 128, 192, 256}) {
    const std::string text = std::to_string(channels);
    layers.push_back(layer("1080p8_3x3_" + text, 1, 135, 240, channels, channels, 3, 1));
    layers.push_back(layer("1080p4_3x3_" + text, 1, 270, 480, channels, channels, 3, 1));
  }
  for (const int batch : {1, 8}) {
    layers.push_back(layer("hrnet_stem1", batch, 832, 1088, 3, 64, 3, 2));
    layers.push_back(layer("hrnet_stem2", batch, 416, 544, 64, 64, 3, 2));
    layers.push_back(layer("hrnet_layer1_1x1_64_256", batch, 208, 272, 64, 256, 1, 1));
    layers.push_back(layer("hrnet_layer1_1x1_256_64", batch, 208, 272, 256, 64, 1, 1));
    layers.push_back(layer("hrnet_layer1_3x3_64", batch, 208, 272, 64, 64, 3, 1));
    layers.push_back(layer("hrnet_branch1_3x3_32", batch, 208, 272, 32, 32, 3, 1));
    layers.push_back(layer("hrnet_branch2_3x3_64", batch, 104, 136, 64, 64, 3, 1));
    layers.push_back(layer("hrnet_branch3_3x3_128", batch, 52, 68, 128, 128, 3, 1));
    layers.push_back(layer("hrnet_branch4_3x3_256", batch, 26, 34, 256, 256, 3, 1));
    layers.push_back(layer("hrnet_fuse_3x3s2_32_64", batch, 208, 272, 32, 64, 3, 2));
    layers.push_back(layer("hrnet_fuse_1x1_64_32", batch, 104, 136, 64, 32, 1, 1));
  }
  return layers;
}

double flops_per_pixel(const ConvShape& s) {
  return 2.0 * s.out_channels * (s.in_channels / s.group) * s.kernel[0] * s.kernel[1];
}

}  // namespace edgeskip::cuda
