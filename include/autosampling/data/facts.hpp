// What one may know of a data set without having its examples.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace autosampling {

// The lengths of an example's dimensions, outermost first. Three are an image: height, width, channels.
class Shape {
  public:
    Shape() = default;
    Shape(std::initializer_list<int> lengths) : lengths_(lengths) {}
    explicit Shape(std::vector<int> lengths) : lengths_(std::move(lengths)) {}

    const std::vector<int>& lengths() const { return lengths_; }
    // How many numbers an example has.
    std::size_t values() const {
        return std::accumulate(lengths_.begin(), lengths_.end(), std::size_t{1}, std::multiplies());
    }

    bool is_image() const { return lengths_.size() == 3; }
    int height() const { return lengths_.at(0); }
    int width() const { return lengths_.at(1); }
    int channels() const { return lengths_.at(2); }

    friend bool operator==(const Shape&, const Shape&) = default;
    // As in "28 x 28 x 1".
    friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
        for (std::size_t i = 0; i < shape.lengths_.size(); ++i) out << (i == 0 ? "" : " x ") << shape.lengths_[i];
        return out;
    }

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& lengths_;
    }

  private:
    std::vector<int> lengths_;
};

// Letters: C channels.
struct DatasetFacts {
    Shape shape; // of an example
    int classes = 0;
    std::vector<std::string> class_names; // (classes)
    std::vector<double> mean, std;        // (C) of pixels in 0…1

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& shape& classes& class_names& mean& std;
    }
};

} // namespace autosampling
