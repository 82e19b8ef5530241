#include "autosampling/training/repeated.hpp"

#include <utility>

namespace autosampling {
namespace {

class Called : public Repeated {
  public:
    explicit Called(std::function<void()> action) : action_(std::move(action)) {}
    void run() override { action_(); }

  private:
    std::function<void()> action_;
};

} // namespace

std::unique_ptr<Repeated> call(std::function<void()> action) {
    return std::make_unique<Called>(std::move(action));
}

} // namespace autosampling
