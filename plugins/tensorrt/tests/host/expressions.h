// The abstract classes of TensorRT that a plugin's build-time methods see, implemented without TensorRT.
#pragma once

#include <NvInferRuntime.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace host {

// A constant, or -1: depends on what is known at run time only.
class Dimension final : public nvinfer1::IDimensionExpr, private nvinfer1::apiv::VDimensionExpr {
 public:
  explicit Dimension(int64_t value) : value_(value) { mImpl = this; }
  ~Dimension() noexcept override = default;
  int64_t value() const { return value_; }

 private:
#if NV_TENSORRT_MAJOR >= 10
  int64_t getConstantValue() const override { return value_; }
  bool isSizeTensor() const override { return false; }
#else
  int32_t getConstantValue() const override { return static_cast<int32_t>(value_); }
#endif
  bool isConstant() const override { return value_ >= 0; }

  int64_t value_;
};

class Expressions final : public nvinfer1::IExprBuilder, private nvinfer1::apiv::VExprBuilder {
 public:
  Expressions() { mImpl = this; }
  ~Expressions() noexcept override = default;

  nvinfer1::IDimensionExpr const* make(int64_t value) {
    owned_.push_back(std::make_unique<Dimension>(value));
    return owned_.back().get();
  }
  nvinfer1::DimsExprs shape(std::vector<int64_t> const& sizes) {
    nvinfer1::DimsExprs result{};
    result.nbDims = static_cast<int32_t>(sizes.size());
    for (size_t axis = 0; axis < sizes.size(); ++axis) result.d[axis] = make(sizes[axis]);
    return result;
  }

 private:
#if NV_TENSORRT_MAJOR >= 10
  nvinfer1::IDimensionExpr const* constant(int64_t value) override { return make(value); }
  nvinfer1::IDimensionExpr const* declareSizeTensor(int32_t, nvinfer1::IDimensionExpr const&,
                                                    nvinfer1::IDimensionExpr const&) override {
    return nullptr;
  }
#else
  nvinfer1::IDimensionExpr const* constant(int32_t value) override { return make(value); }
#endif
  // no plugin of ours computes with sizes
  nvinfer1::IDimensionExpr const* operation(nvinfer1::DimensionOperation, nvinfer1::IDimensionExpr const&,
                                            nvinfer1::IDimensionExpr const&) override {
    return make(-1);
  }

  std::vector<std::unique_ptr<Dimension>> owned_;
};

// Keeps what plugins log.
class Logger final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, nvinfer1::AsciiChar const* message) noexcept override {
    if (severity <= Severity::kERROR) last_error = message;
  }
  std::string last_error;
};

class LoggerFinder final : public nvinfer1::ILoggerFinder {
 public:
  nvinfer1::ILogger* findLogger() override { return &logger; }
  Logger logger;
};

}  // namespace host
