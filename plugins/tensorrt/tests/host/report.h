// Counts checks and says which failed.
#pragma once

#include <cstdio>
#include <string>

namespace host {

class Report {
 public:
  void check(bool holds, std::string const& what) {
    ++checks_;
    if (!holds) ++failures_, std::printf("FAILED: %s\n", what.c_str());
  }
  void says(std::string const& message, std::string const& words, std::string const& what) {
    check(message.find(words) != std::string::npos,
          what + ": the message is '" + message + "', without '" + words + "'");
  }
  int checks() const { return checks_; }
  int failures() const { return failures_; }

 private:
  int checks_ = 0, failures_ = 0;
};

}  // namespace host
